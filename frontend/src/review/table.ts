// All images of a dataset: verdicts, decisions, release.

import { type ImageRow, type Review, get, post } from "../api";
import { button, count, fill, h } from "../dom";
import type { Page } from "../main";
import { problem } from "../problem";
import { decisionInWords } from "../words";

const VERDICTS = ["REVIEW", "FAIL", "PASS"];
const STATES: Record<string, (row: ImageRow) => boolean> = {
  "any decision": () => true,
  "not decided": (row) => !row.decision || row.stale,
  accepted: (row) => row.decision?.decision === "accept" && !row.stale,
  rejected: (row) => row.decision?.decision === "reject" && !row.stale,
  released: (row) => row.released,
  corrected: (row) => row.corrected,
};

export function imageLink(review: { raw: string; out: string }, source: string): string {
  return `#/image?${new URLSearchParams({ raw: review.raw, out: review.out, source }).toString()}`;
}

/** In the order in which one looks at them: what waits for a person first. */
export function inOrder(rows: ImageRow[]): ImageRow[] {
  const rank = (row: ImageRow): number => VERDICTS.indexOf(row.verdict);
  return [...rows].sort((a, b) => rank(a) - rank(b) || a.source.localeCompare(b.source));
}

export function waiting(rows: ImageRow[]): ImageRow[] {
  return rows.filter((row) => row.verdict === "REVIEW" && !row.stale && row.decision?.decision === "accept");
}

export const tablePage: Page = async (place, query) => {
  const where = { raw: query.get("raw") ?? "", out: query.get("out") ?? "" };
  const review = await get<Review>("review", where);
  const rows = inOrder(review.images);
  const lines = new Map(rows.map((row) => [row, line(review, row)]));
  const body = h("tbody", {}, ...lines.values());
  const status = h("p", { role: "status" });
  const text = h("input", { type: "search", "aria-label": "Search in names and reasons", placeholder: "search" });
  const state = h("select", { "aria-label": "Decision" }, ...Object.keys(STATES).map((one) => h("option", {}, one)));
  let verdict = "";
  const verdicts = ["", ...VERDICTS].map((one) => {
    const n = rows.filter((row) => !one || row.verdict === one).length;
    const choose = button(`${one || "All"} ${n}`, () => { verdict = one; filter(); }, { class: one, "data-verdict": one || "all" });
    return choose;
  });

  function filter(): void {
    const words = text.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const [row, element] of lines) {
      const all = `${row.source} ${row.reasons.join(" ")} ${row.notes.join(" ")}`.toLowerCase();
      const fits = (!verdict || row.verdict === verdict) && (STATES[state.value]?.(row) ?? true) && words.every((word) => all.includes(word));
      element.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    verdicts.forEach((one) => one.setAttribute("aria-pressed", String((one.dataset.verdict ?? "all") === (verdict || "all"))));
    status.textContent = `${shown} of ${count(rows.length, "image")}`;
  }

  text.addEventListener("input", filter);
  state.addEventListener("change", filter);
  const first = rows.find((row) => row.verdict === "REVIEW" && !row.decision) ?? rows[0];
  fill(
    place,
    h("h1", {}, `Review: ${review.out.split("/").pop() ?? ""}`),
    h("p", { class: "soft" }, `Originals: ${review.raw}. Results: ${review.out}. Decisions are kept in ${review.decisions}.`),
    releaseBox(review, rows),
    h("div", { class: "row filters", role: "group", "aria-label": "Filter" }, ...verdicts, state, text,
      first && h("a", { class: "button primary", href: imageLink(review, first.source) }, "Look at the images")),
    status,
    h("div", { class: "wide" }, h("table", { class: "images" },
      h("thead", {}, h("tr", {}, ...["Image", "Verdict", "Decision", "What was said", "Changed", "Stands out most", "Time"].map((one) => h("th", { scope: "col" }, one)))),
      body)),
  );
  filter();
  return undefined;
};

function line(review: Review, row: ImageRow): HTMLTableRowElement {
  const words = [...row.reasons, ...row.notes].join("; ");
  const odd = row.outliers.length > 0 && h("span", { class: "odd", title: `Stands out among the others: ${row.outliers.join(", ")}` }, " stands out");
  const element = h(
    "tr",
    {},
    h("td", {}, h("a", { href: imageLink(review, row.source) }, row.name), row.corrected && h("small", {}, " corrected")),
    h("td", { class: `verdict ${row.verdict}` }, row.verdict, odd),
    h("td", { class: row.stale ? "warning" : "" }, decisionInWords(row)),
    h("td", {}, h("span", { class: "reasons", title: words }, words)),
    h("td", { class: "number" }, row.changed === null ? "" : `${row.changed.toFixed(1)} %`),
    h("td", { class: "number" }, row.height === null ? "" : `${row.height.toFixed(1)} mm`),
    h("td", { class: "number" }, row.seconds === null ? "" : `${row.seconds.toFixed(1)} s`),
  );
  return element;
}

function releaseBox(review: Review, rows: ImageRow[]): HTMLElement {
  const ready = waiting(rows);
  const spoilt = rows.filter((row) => row.verdict === "PASS" && !row.released && row.decision?.decision === "reject");
  const told = h("p", {});
  const dialog = h("dialog", { "aria-label": "Release" });
  const release = button(`Release ${count(ready.length, "accepted image")}`, () => dialog.showModal(), { id: "release", disabled: ready.length === 0 });
  const list = ready.map((row) => h("li", {}, row.source));
  fill(dialog,
    h("h2", {}, "Release?"),
    h("p", {}, "These images go into the folder that is shared. What was said against them stays in their records."),
    h("ul", {}, ...list),
    h("div", { class: "row end" }, button("Cancel", () => dialog.close()), button("Release", () => void go(), { class: "primary", id: "release-sure" })));
  const go = async (): Promise<void> => {
    dialog.close();
    release.disabled = true;
    try {
      const { run } = await post<{ run: string }>("release", { raw: review.raw, out: review.out });
      location.hash = `#/run?name=${run}`;
    } catch (error) {
      fill(told, problem(error));
    }
  };
  return h("section", { class: "release" },
    h("div", { class: "row" }, release, h("span", { class: "soft" }, "Nothing is released unless you accept it and press this button.")),
    told,
    spoilt.length > 0 && h("p", { class: "warning" },
      `${count(spoilt.length, "image")} passed and you rejected: still among the results, do not share: ${spoilt.map((row) => row.source).join(", ")}`),
    dialog);
}
