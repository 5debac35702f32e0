// Choose a folder or an image among what the server may see.

import { type Entry, type Listing, get } from "../api";
import { button, fill, h } from "../dom";
import { problem } from "../problem";

const SIGNS: Record<Entry["kind"], string> = {
  dataset: "BIDS dataset",
  output: "results of bids-deface",
  folder: "folder",
  image: "image",
};

export interface Wanted {
  title: string;
  /** An image is wanted, not a folder. */
  image?: boolean;
  /** A folder that need not exist yet. */
  fresh?: boolean;
}

/** Ask; the answer is a path, or "" where the user turned back. */
export function choosePath(wanted: Wanted, start: string): Promise<string> {
  return new Promise((resolve) => {
    let here = "";
    const list = h("ul", { class: "entries" });
    const path = h("p", { class: "path", "aria-live": "polite" });
    const name = h("input", { type: "text", "aria-label": "Name of a new folder in it", placeholder: "new folder (optional)" });
    const up = button("Up", () => void open(parent ?? ""));
    const take = button("Choose this folder", () => end(chosen()), { class: "primary" });
    const dialog = h(
      "dialog",
      { class: "browser", "aria-label": wanted.title },
      h("h2", {}, wanted.title),
      h("div", { class: "row" }, up, path),
      list,
      wanted.fresh && h("div", { class: "row" }, name),
      h("div", { class: "row end" }, button("Cancel", () => end("")), !wanted.image && take),
    );
    let parent: string | null = null;

    function chosen(): string {
      const more = wanted.fresh ? name.value.trim() : "";
      return more ? `${here.replace(/\/$/, "")}/${more}` : here;
    }

    function end(answer: string): void {
      dialog.close();
      dialog.remove();
      resolve(answer);
    }

    /** Show a folder; "" stands for the top, which is passed by at first where there is one root. */
    async function open(folder: string): Promise<void> {
      try {
        const found = await get<Listing>("folder", folder ? { path: folder } : {});
        const only = found.entries.length === 1 ? found.entries[0] : undefined;
        if (!folder && !here && only) {
          await open(only.path);
          return;
        }
        here = found.path;
        parent = found.parent;
        up.disabled = parent === null;
        take.disabled = !here;
        path.textContent = here || "Folders that this page may see";
        const rows = found.entries.filter((one) => wanted.image || one.kind !== "image").map(entry);
        fill(
          list,
          found.problem && h("li", { class: "problem" }, found.problem),
          ...rows,
          !rows.length && h("li", { class: "soft" }, "There are no folders in it."),
          found.more > 0 && h("li", { class: "soft" }, `and ${found.more} more`),
        );
      } catch (error) {
        // A place that is gone: begin at the top.
        if (folder) await open("");
        else fill(list, h("li", {}, problem(error)));
      }
    }

    function entry(one: Entry): HTMLElement {
      const go = (): void => (one.kind === "image" ? end(one.path) : void open(one.path));
      return h(
        "li",
        {},
        h("button", { type: "button", onclick: go, class: `entry ${one.kind}` }, one.name,
          h("span", { class: "soft" }, SIGNS[one.kind])),
      );
    }

    dialog.addEventListener("cancel", () => end(""));
    document.body.append(dialog);
    dialog.showModal();
    void open(start);
  });
}

/** A field with a path and a button that opens the dialog. */
export function pathField(wanted: () => Wanted, changed: () => void): { row: HTMLElement; input: HTMLInputElement } {
  const input = h("input", { type: "text", spellcheck: "false", autocomplete: "off", class: "grow" });
  input.addEventListener("input", changed);
  const choose = async (): Promise<void> => {
    const answer = await choosePath(wanted(), input.value);
    if (answer) input.value = answer;
    changed();
  };
  return { input, row: h("div", { class: "row" }, input, button("Browse ...", () => void choose())) };
}
