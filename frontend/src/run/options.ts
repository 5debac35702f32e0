// Fields for the options that a parser knows.

import type { Choices, Kind, Option } from "../api";
import { check, checkbox, field, h } from "../dom";
import { OPTION_LABELS } from "../words";

type Value = string | number | boolean | string[];

export interface Fields {
  main: HTMLElement;
  more: HTMLElement;
  values: () => Record<string, Value>;
}

interface Control {
  row: HTMLElement;
  value: () => Value | null;
}

const MAIN = ["features", "level", "protocol", "on_doubt"];

function control(option: Option): Control {
  const label = OPTION_LABELS[option.name] ?? option.name;
  if (option.kind === "switch") {
    const box = checkbox(false);
    return { row: check(label, box, option.help), value: () => box.checked || null };
  }
  if (option.kind === "words" && option.choices.length) return several(option, label);
  if (option.choices.length) {
    const select = h("select", {}, ...option.choices.map((one) => h("option", {}, one)));
    select.value = String(option.default);
    select.dataset.option = option.name;
    const value = (): Value | null => (select.value === option.default ? null : select.value);
    return { row: field(label, select, option.help), value };
  }
  const type = option.kind === "number" ? "number" : "text";
  const input = h("input", { type, min: type === "number" ? 1 : null, spellcheck: "false" });
  const words = (): string[] => input.value.split(/[\s,]+/).filter(Boolean);
  const value = (): Value | null =>
    option.kind === "words" ? (words().length ? words() : null) : input.value || null;
  return { row: field(label, input, option.help), value };
}

function several(option: Option, label: string): Control {
  const all = option.name === "features";
  const boxes = option.choices.map((one) => checkbox(all, one));
  const chosen = (): string[] => boxes.filter((one) => one.checked && !one.disabled).map((one) => one.value);
  const value = (): Value | null => {
    if (!all) return chosen().length ? chosen() : null;
    const open = boxes.filter((one) => !one.disabled);
    // All that there are is the default; none at all is refused by the server in words.
    return open.length === 0 || chosen().length === open.length ? null : chosen();
  };
  const row = h(
    "fieldset",
    { "data-option": option.name },
    h("legend", {}, label),
    h("div", { class: "row" }, ...boxes.map((box) => check(box.value, box))),
    !all && h("small", {}, option.help),
  );
  return { row, value };
}

/** Return the fields of a program's options; they follow each other where they must. */
export function optionFields(kind: Kind, choices: Choices): Fields {
  const controls = new Map(choices.options[kind].map((one) => [one.name, control(one)]));
  const main = h("div", { class: "grid" }, ...MAIN.map((name) => controls.get(name)?.row));
  const rest = [...controls].filter(([name]) => !MAIN.includes(name));
  const more = h("div", { class: "grid" }, ...rest.map(([, one]) => one.row));
  const level = main.querySelector<HTMLSelectElement>("[data-option=level]");
  const protocol = main.querySelector<HTMLSelectElement>("[data-option=protocol]");
  const boxes = [...main.querySelectorAll<HTMLInputElement>("[data-option=features] input")];

  function follow(): void {
    const whole = level?.value === "face";
    const known = choices.protocols[protocol?.value ?? "default"] ?? {};
    for (const box of boxes) {
      box.disabled = whole || !(box.value in known);
      box.title = whole ? "The whole face is hidden." : (known[box.value] ?? "These methods leave it as it is.");
    }
    if (protocol) protocol.disabled = whole;
  }

  main.addEventListener("change", follow);
  follow();
  return {
    main,
    more,
    values: () => {
      const found: Record<string, Value> = {};
      for (const [name, one] of controls) {
        const value = one.value();
        if (value !== null && !(name === "protocol" && protocol?.disabled)) found[name] = value;
      }
      if (found.features instanceof Array && !found.features.length) throw new Error("Choose at least one feature to hide.");
      return found;
    },
  };
}
