// Which results to review: those of runs from here, or any folder.

import { type RunSummary, get } from "../api";
import { button, field, fill, h } from "../dom";
import type { Page } from "../main";
import { pathField } from "../run/browser";
import { reviewLink } from "../run/list";
import { when } from "../words";

export const choosePage: Page = async (place) => {
  const runs = await get<RunSummary[]>("runs");
  const seen = new Map(runs.filter((run) => run.review).map((run) => [reviewLink(run), run]));
  const open = button("Review", () => go(), { class: "primary", disabled: true });
  const raw = pathField(() => ({ title: "Choose the original BIDS dataset" }), ready);
  const out = pathField(() => ({ title: "Choose the results of bids-deface" }), ready);

  function ready(): void {
    open.disabled = !raw.input.value || !out.input.value;
  }
  function go(): void {
    location.hash = `#/review?${new URLSearchParams({ raw: raw.input.value, out: out.input.value }).toString()}`;
  }

  fill(
    place,
    h("h1", {}, "Review"),
    seen.size > 0 && h("h2", {}, "Results of runs from here"),
    h("ul", { class: "runs" }, ...[...seen].map(([link, run]) =>
      h("li", {}, h("a", { href: link }, h("strong", {}, run.output)), h("span", { class: "soft" }, when(run.started))))),
    h("h2", {}, "Other results"),
    field("Originals", raw.input, "", raw.row),
    field("Results", out.input, "", out.row),
    h("div", { class: "row" }, open),
    h("p", { class: "soft" }, "Results of DICOM series and single images are reviewed with the command line: see the documentation."),
  );
  return undefined;
};
