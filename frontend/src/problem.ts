// What went wrong, and what can be done.

import { Failure } from "./api";
import { h } from "./dom";

export function inWords(error: unknown): string {
  if (error instanceof Failure) return `${error.message} ${error.hint}`.trim();
  return error instanceof Error ? error.message : String(error);
}

export function problem(error: unknown): HTMLElement {
  return h("p", { class: "problem", role: "alert" }, inWords(error));
}
