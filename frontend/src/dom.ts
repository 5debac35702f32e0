// Elements from words: text is always text, never markup.

export type Child = Node | string | null | undefined | false;
type Attributes = Record<string, string | number | boolean | null | undefined | EventListener>;

export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.replace(/^on/, ""), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) {
      element.setAttribute(name, String(value));
    }
  }
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  return element;
}

export function fill(place: Element, ...children: Child[]): void {
  place.replaceChildren(...children.filter((child): child is Node | string => Boolean(child)));
}

/** A number of things in words: 1 image, 2 images. */
export function count(n: number, what: string): string {
  return `${n} ${what}${n === 1 ? "" : "s"}`;
}

export function toast(text: string, bad = false): void {
  const place = document.getElementById("toasts");
  if (!place) return;
  const note = h("p", { class: bad ? "toast bad" : "toast" }, text);
  place.append(note);
  setTimeout(() => note.remove(), bad ? 12000 : 5000);
}

let numbered = 0;

/** A label, its field and what it means, tied together for those who hear the page.
 * What is shown may be a row that the field is part of. */
export function field(label: string, input: HTMLElement, help = "", row = input): HTMLElement {
  numbered += 1;
  input.id ||= `field-${numbered}`;
  const text = h("label", { for: input.id }, label);
  if (!help) return h("div", { class: "field" }, text, row);
  const more = h("small", { id: `${input.id}-help` }, help);
  input.setAttribute("aria-describedby", more.id);
  return h("div", { class: "field" }, text, row, more);
}

export function check(label: string, input: HTMLInputElement, help = ""): HTMLElement {
  const text = h("label", { class: "check" }, input, h("span", {}, label));
  return help ? h("div", {}, text, h("small", {}, help)) : text;
}

export function checkbox(checked: boolean, value = "on"): HTMLInputElement {
  const input = h("input", { type: "checkbox", value });
  input.checked = checked;
  return input;
}

export function button(label: string, onclick: () => void, attributes: Attributes = {}): HTMLButtonElement {
  return h("button", { type: "button", onclick, ...attributes }, label);
}
