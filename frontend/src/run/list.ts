// Runs of now and before.

import type { RunSummary } from "../api";
import { h } from "../dom";
import { TITLES, runInWords, when } from "../words";

export function reviewLink(run: RunSummary): string {
  return `#/review?${new URLSearchParams({ raw: run.source, out: run.output }).toString()}`;
}

export function runList(runs: RunSummary[]): HTMLElement {
  if (!runs.length) return h("p", { class: "soft" }, "No runs yet. They stay here, also after a restart.");
  return h("ul", { class: "runs" }, ...runs.map(line));
}

function line(run: RunSummary): HTMLElement {
  return h(
    "li",
    { class: run.exit_code ? "doubt" : run.state },
    h("a", { href: `#/run?name=${run.name}` }, h("strong", {}, run.source.split("/").pop() ?? ""), ` ${TITLES[run.title] ?? ""}`),
    h("span", { class: "soft" }, when(run.started)),
    h("span", { class: `state ${run.state}` }, runInWords(run)),
    run.review && run.state !== "running" && h("a", { href: reviewLink(run) }, "Review"),
  );
}
