// Say where the features are, by ellipsoids or with a pen; do the image again.

import { type Feature, type ImageDetails, type ImageRow, type Label, type Place, type Triple, post, postBytes } from "../api";
import { button, check, checkbox, field, fill, h, toast } from "../dom";
import { inWords } from "../problem";
import { featureLabel } from "../words";
import { reviewer } from "./decide";
import type { Drawing } from "./drawing";

const AXES = ["right", "anterior", "superior"] as const;
const USUAL: Triple = [15, 15, 15];
const LARGEST = 60;

export interface Correcting {
  panel: HTMLElement;
  moved: (mm: Triple) => void;
}

interface Tools {
  where: { raw: string; out: string };
  row: ImageRow;
  details: ImageDetails;
  labels: Label[];
  drawing: Drawing;
  goTo: (mm: Triple) => void;
}

export function corrector(tools: Tools): Correcting {
  const { row, details, drawing } = tools;
  const names = tools.labels.filter((one) => one.name !== "brain").map((one) => one.name.replace(" ", "_"));
  const features: Record<string, Feature> = { ...(details.correction?.Features ?? {}) };
  let here: Triple = [0, 0, 0];
  let mode: "off" | "place" | "paint" = "off";

  const select = h("select", {}, ...names.map((one) => h("option", { value: one }, featureLabel(one))));
  const follow = checkbox(true);
  const absent = checkbox(false);
  const sliders = [0, 1, 2].map((n) => h("input", { type: "range", min: 2, max: LARGEST, step: 1, "aria-label": `Radius to the ${AXES[n] ?? ""}, mm` }));
  const numbers = [0, 1, 2].map((n) => h("input", { type: "number", step: 0.5, "aria-label": `Middle, ${AXES[n] ?? ""}, mm` }));
  const shown = sliders.map(() => h("output", {}));
  const reason = h("input", { type: "text" });
  reason.value = details.correction?.Reason ?? "";
  const place = h("div", { class: "place" });
  const modes = h("div", { class: "row", role: "group", "aria-label": "How to correct" });
  const status = h("p", { role: "status", class: "soft" });
  // What the fields say is what the command line takes.
  const usable = (place: Place): Place => ({
    CentreMm: place.CentreMm,
    RadiiMm: place.RadiiMm.map((one) => Math.min(LARGEST, Math.max(2, one))) as Triple,
  });
  const again = button("Do this image again", () => void redo(), { id: "redo" });

  function current(): Place {
    const known = features[select.value];
    if (known && "CentreMm" in known) return known;
    return usable(details.places[select.value] ?? { CentreMm: here, RadiiMm: USUAL });
  }

  function change(next: Feature | null): void {
    if (next) features[select.value] = next;
    else Reflect.deleteProperty(features, select.value);
    preview();
    draw();
  }

  /** Show what was corrected, and where the chosen feature was found. */
  function preview(): void {
    const found = details.places[select.value];
    drawing.ellipsoids({ ...(found ? { [select.value]: found } : {}), ...features });
  }

  /** Fill the fields with the chosen feature. */
  function draw(): void {
    const one = features[select.value];
    const at = current();
    absent.checked = one !== undefined && "Absent" in one;
    [0, 1, 2].forEach((n) => {
      const [slider, number, output] = [sliders[n], numbers[n], shown[n]];
      if (!slider || !number || !output) return;
      slider.value = String(Math.round(at.RadiiMm[n] ?? 0));
      number.value = (at.CentreMm[n] ?? 0).toFixed(1);
      output.textContent = `${slider.value} mm`;
      slider.disabled = number.disabled = absent.checked;
    });
    const changed = Object.keys(features).map(featureLabel);
    status.textContent = changed.length ? `Corrected: ${changed.join(", ")}` : "Nothing corrected yet.";
  }

  function typed(): void {
    const triple = (inputs: HTMLInputElement[]): Triple => [0, 1, 2].map((n) => Number(inputs[n]?.value ?? 0)) as Triple;
    change({ CentreMm: triple(numbers), RadiiMm: triple(sliders) });
  }

  function chosen(): void {
    if (mode === "paint") drawing.pen(select.value);
    const known = features[select.value] ?? details.places[select.value];
    if (mode === "place" && known && "CentreMm" in known) {
      // The crosshair goes there, and the middle does not follow it.
      const old = follow.checked;
      follow.checked = false;
      tools.goTo(known.CentreMm);
      follow.checked = old;
    }
    if (mode === "place") preview();
    draw();
  }

  function moved(mm: Triple): void {
    // Each drawing tells the place again: only another one is news.
    if (mm.every((one, n) => Math.abs(one - (here[n] ?? 0)) < 0.01)) return;
    here = mm;
    if (mode === "place" && follow.checked && !absent.checked) change({ CentreMm: mm, RadiiMm: current().RadiiMm });
  }

  function choose(next: typeof mode): void {
    mode = next;
    if (mode === "off") drawing.hide();
    else if (mode === "place") preview();
    else drawing.pen(select.value);
    view();
  }

  async function save(): Promise<void> {
    try {
      const more = { reviewer: reviewer(), reason: reason.value };
      if (mode === "paint") await postBytes("labels", { ...tools.where, source: row.source }, await drawing.packed());
      await post("correction", { ...tools.where, source: row.source, features, ...more });
      details.correction = { Features: { ...features } };
      toast(`${row.name}: correction kept`);
      view();
    } catch (error) {
      toast(inWords(error), true);
    }
  }

  async function drop(): Promise<void> {
    for (const name of names) Reflect.deleteProperty(features, name);
    try {
      await post("correction", { ...tools.where, source: row.source, features: {}, drop: true });
      details.correction = null;
      choose("off");
    } catch (error) {
      toast(inWords(error), true);
    }
  }

  async function redo(): Promise<void> {
    again.disabled = true;
    try {
      const { run } = await post<{ run: string }>("redo", { ...tools.where, source: row.source });
      location.hash = `#/run?name=${run}`;
    } catch (error) {
      toast(inWords(error), true);
      again.disabled = false;
    }
  }

  const radii = h("div", { class: "radii" }, ...AXES.map((axis, n) =>
    h("div", { class: "row" }, h("span", { class: "axis" }, axis), numbers[n], sliders[n], shown[n])));
  function view(): void {
    fill(modes, ...(["off", "place", "paint"] as const).map((one) =>
      button({ off: "Look", place: "Place", paint: "Paint" }[one], () => choose(one), { "aria-pressed": String(one === mode), "data-mode": one })));
    const placing = [
      h("p", { class: "soft" }, "Click in a slice of the original where the middle is; pull the radii."),
      check("Middle follows the click", follow),
      check("There is none", absent), h("small", {}, "Middle (mm) and radius along each direction"), radii,
      button("As found", () => change(null)),
    ];
    const painting = [
      h("p", { class: "soft" }, "Draw around the feature in slices of the original; what is inside is filled."),
      h("div", { class: "row" }, button("Rub out", () => drawing.pen("")), button("Pen", () => drawing.pen(select.value)), button("Undo", () => drawing.undo())),
    ];
    fill(place, ...(mode === "off" ? [] : [
      field("Feature", select), ...(mode === "place" ? placing : painting),
      field("Why", reason), h("div", { class: "row" }, button("Keep correction", () => void save(), { class: "primary", id: "keep" })), status,
    ]));
    again.disabled = !details.correction;
    forget.hidden = !details.correction;
    draw();
  }
  const forget = button("Forget correction", () => void drop());

  select.addEventListener("change", chosen);
  absent.addEventListener("change", () => change(absent.checked ? { Absent: true } : null));
  [...numbers, ...sliders].forEach((one) => one.addEventListener("input", typed));
  const panel = h("section", { class: "panel", "aria-label": "Correction" }, h("h2", {}, "Where the features are"), modes, place,
    h("div", { class: "row" }, again, forget));
  view();
  return { panel, moved };
}
