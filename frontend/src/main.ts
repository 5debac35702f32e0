// The frame around the pages: which one the address names.

import { type Choices, get } from "./api";
import { fill, h } from "./dom";
import { problem } from "./problem";
import { runPage } from "./run/page";
import { progressPage } from "./run/progress";
import { choosePage } from "./review/choose";
import { tablePage } from "./review/table";

/** What a page leaves behind when another one comes. */
export type Leave = () => void;
export type Page = (place: HTMLElement, query: URLSearchParams, choices: Choices) => Promise<Leave | undefined>;

const PAGES: [RegExp, string, Page][] = [
  [/^$/, "run", runPage],
  [/^run$/, "run", progressPage],
  [/^review$/, "review", async (...all) => (all[1].has("out") ? tablePage(...all) : choosePage(...all))],
  // The viewer is large: it is loaded when it is needed.
  [/^image$/, "review", async (...all) => (await import("./review/image")).imagePage(...all)],
];

let leave: Leave | undefined;
let shown = 0;

function mark(name: string | undefined): void {
  for (const link of document.querySelectorAll<HTMLElement>("nav [data-page]")) {
    if (link.dataset.page === name) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

function content(): HTMLElement {
  return document.getElementById("content") ?? document.body;
}

async function show(choices: Choices): Promise<void> {
  const number = ++shown;
  leave?.();
  leave = undefined;
  const [path = "", search = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [, name, page] = PAGES.find(([pattern]) => pattern.test(path)) ?? PAGES[0] ?? [];
  mark(name);
  if (!page) return;
  const fresh = h("div", { class: `page ${path || "start"}` }, h("p", {}, "Loading ..."));
  fill(content(), fresh);
  try {
    const left = await page(fresh, new URLSearchParams(search), choices);
    if (number === shown) leave = left;
    else left?.();
  } catch (error) {
    if (number === shown) fill(fresh, problem(error));
  }
}

async function start(): Promise<void> {
  try {
    const choices = await get<Choices>("choices");
    const version = document.getElementById("version");
    if (version) version.textContent = choices.version;
    addEventListener("hashchange", () => void show(choices));
    await show(choices);
  } catch (error) {
    fill(content(), problem(error));
  }
}

void start();
