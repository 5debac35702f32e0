// One image: original and defaced side by side, and what one does about it.

import { type Choices, type ImageDetails, type ImageRow, type Review, type Triple, get } from "../api";
import { button, check, checkbox, fill, h } from "../dom";
import type { Page } from "../main";
import { problem } from "../problem";
import { corrector } from "./correct";
import { decider } from "./decide";
import { Drawing } from "./drawing";
import { imageLink, inOrder } from "./table";
import { FRONT, VIEWS, Viewer } from "./viewer";

const KEYS = "n next, p previous, a accept, r reject, m mask, g regions, 1-5 views";

export const imagePage: Page = async (place, query, choices) => {
  const where = { raw: query.get("raw") ?? "", out: query.get("out") ?? "" };
  const source = query.get("source") ?? "";
  const [review, details] = await Promise.all([
    get<Review>("review", where),
    get<ImageDetails>("image", { ...where, source }),
  ]);
  const rows = inOrder(review.images);
  const at = rows.findIndex((row) => row.source === source);
  const row = rows[at];
  if (!row) throw new Error(`${source} is not among the results.`);
  const go = (to: ImageRow | undefined): void => {
    if (to) location.hash = imageLink(review, to.source);
  };
  const decision = decider(where, row);
  const canvases = [0, 1].map(() => h("canvas", { tabindex: 0 })) as [HTMLCanvasElement, HTMLCanvasElement];
  canvases[0].setAttribute("aria-label", "Original");
  canvases[1].setAttribute("aria-label", "Defaced");
  const stage = h("div", { class: details.parts.defaced ? "stage" : "stage single" },
    h("figure", {}, h("figcaption", {}, "Original"), h("div", { class: "canvas" }, canvases[0])),
    details.parts.defaced && h("figure", {}, h("figcaption", {}, "Defaced"), h("div", { class: "canvas" }, canvases[1])));
  const tools = h("div", { class: "row tools", role: "group", "aria-label": "View" });
  const side = h("aside", {}, facts(row), decision.panel);
  fill(
    place,
    h("div", { class: "row above" },
      h("a", { class: "button", href: `#/review?${new URLSearchParams(where).toString()}` }, "All images"),
      h("h1", {}, row.name), h("span", { class: `verdict ${row.verdict}` }, row.verdict),
      h("span", { class: "soft" }, `${at + 1} of ${rows.length}`),
      h("span", { class: "grow" }),
      button("Previous (p)", () => go(rows[at - 1]), { disabled: at === 0 }),
      button("Next (n)", () => go(rows[at + 1]), { disabled: at === rows.length - 1 })),
    h("div", { class: "look" }, h("div", { class: "main" }, stage, tools, h("p", { class: "soft keys" }, KEYS)), side),
  );

  let moved: (mm: Triple) => void = () => undefined;
  let viewer: Viewer | undefined;
  const keys = new Map<string, () => void>([
    ["n", () => go(rows[at + 1])], ["p", () => go(rows[at - 1])],
    ["a", () => void decision.decide("accept")], ["r", () => void decision.decide("reject")],
  ]);
  const press = (event: KeyboardEvent): void => {
    const field = (event.target as HTMLElement).closest("input:not([type=checkbox], [type=range]), textarea, select, dialog");
    if (field || event.ctrlKey || event.metaKey || event.altKey) return;
    const action = keys.get(event.key);
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  // Before the viewer, which has keys of its own.
  addEventListener("keydown", press, true);
  const leave = (): void => {
    removeEventListener("keydown", press, true);
    viewer?.close();
  };
  try {
    viewer = await Viewer.open(canvases, { query: { ...where, source }, parts: details.parts, labels: choices.labels, onMove: (mm) => moved(mm) });
    stage.dataset.ready = "true";
    const made = correcting(viewer, where, row, details, choices);
    moved = made.moved;
    side.append(made.panel);
    controls(tools, viewer, details, keys);
  } catch (error) {
    stage.replaceChildren(problem(error));
  }
  return leave;
};

function correcting(viewer: Viewer, where: { raw: string; out: string }, row: ImageRow, details: ImageDetails, choices: Choices): ReturnType<typeof corrector> {
  const drawing = new Drawing(viewer.left, choices.labels);
  return corrector({ where, row, details, labels: choices.labels, drawing, goTo: (mm) => viewer.goTo(mm) });
}

function facts(row: ImageRow): HTMLElement {
  const views = row.faces_after === null ? "not looked for" : `${row.faces_before ?? 0} before, ${row.faces_after} after`;
  const list: [string, string][] = [
    ["Faces found in views", views],
    ["Changed", row.changed === null ? "" : `${row.changed.toFixed(1)} % of the image`],
    ["Stands out most", row.height === null ? "" : `${row.height.toFixed(1)} mm (${row.height_at})`],
    ["Most relief", row.relief === null ? "" : `${row.relief.toFixed(1)} mm (${row.relief_at})`],
    ["Brain", row.brain === null ? "" : `${row.brain.toFixed(0)} ml`],
  ];
  return h("section", { class: "panel", "aria-label": "What the program says" },
    h("h2", {}, "What the program says"),
    row.reasons.length ? h("ul", { class: "reasons" }, ...row.reasons.map((one) => h("li", {}, one))) : h("p", {}, "No doubts."),
    row.notes.length > 0 && h("ul", { class: "soft" }, ...row.notes.map((one) => h("li", {}, one))),
    h("dl", { class: "facts" }, ...list.filter(([, text]) => text).flatMap(([name, text]) => [h("dt", {}, name), h("dd", {}, text)])));
}

function controls(place: HTMLElement, viewer: Viewer, details: ImageDetails, keys: Map<string, () => void>): void {
  const views = Object.keys(VIEWS).map((name, n) => {
    const one = button(name, () => arrange(name), { "data-view": name, "aria-pressed": String(n === 0) });
    keys.set(String(n + 1), () => arrange(name));
    return one;
  });
  function arrange(name: string): void {
    viewer.arrange(name);
    views.forEach((one) => one.setAttribute("aria-pressed", String(one.dataset.view === name)));
  }
  const overlay = (layer: "mask" | "dseg", label: string, key: string): HTMLElement | false => {
    if (!details.parts[layer]) return false;
    const box = checkbox(false);
    box.addEventListener("change", () => viewer.show(layer, box.checked));
    keys.set(key, () => box.click());
    return check(label, box);
  };
  const range = (label: string, max: number, value: number, changed: (value: number) => void): HTMLElement => {
    const slider = h("input", { type: "range", min: 0, max, value, "aria-label": label });
    slider.addEventListener("input", () => changed(Number(slider.value)));
    return h("label", { class: "slider" }, h("span", {}, label), slider);
  };
  fill(place, ...views, overlay("mask", "Mask", "m"), overlay("dseg", "Regions", "g"),
    details.parts.defaced && range("Defaced to original", 100, 0, (value) => viewer.blend(value / 100)),
    range("Turn the head", 360, FRONT, (value) => viewer.turn(value)));
}
