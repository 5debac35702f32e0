// Choose, see the plan, start.

import { type Kind, type Plan, get, post, type RunSummary } from "../api";
import { button, check, count, field, fill, h } from "../dom";
import type { Page } from "../main";
import { inWords, problem } from "../problem";
import { KINDS } from "../words";
import { pathField } from "./browser";
import { runList } from "./list";
import { optionFields } from "./options";

const POLL_MS = 4000;

export const runPage: Page = async (place, _query, choices) => {
  let kind: Kind = "dataset";
  let fields = optionFields(kind, choices);
  const source = pathField(
    () => ({ title: `Choose ${KINDS[kind]}`, image: kind === "image" }),
    () => suggest(),
  );
  const output = pathField(
    () => ({ title: "Choose the output folder", fresh: true }),
    () => forget(),
  );
  const options = h("div", { class: "options" });
  const planned = h("section", { class: "plan", "aria-live": "polite" });
  const show = button("Show the plan", () => void plan(), { class: "primary" });
  const note = h("small", {}, "Nothing is written before you start it.");

  const kinds = (Object.keys(KINDS) as Kind[]).map((one) => {
    const input = h("input", { type: "radio", name: "kind", value: one });
    input.checked = one === kind;
    input.addEventListener("change", () => {
      kind = one;
      source.input.value = "";
      draw();
    });
    return check(KINDS[one], input);
  });

  function draw(): void {
    fields = optionFields(kind, choices);
    fill(options, fields.main, h("details", {}, h("summary", {}, "More options"), fields.more));
    forget();
  }

  function suggest(): void {
    const from = source.input.value.replace(/\/+$/, "");
    if (from && !output.input.value) {
      output.input.value = kind === "image" ? from.replace(/\/[^/]*$/, "") : `${from}-defaced`;
    }
    forget();
  }

  function forget(): void {
    fill(planned);
    show.disabled = !source.input.value || !output.input.value;
  }

  async function plan(): Promise<void> {
    show.disabled = true;
    fill(planned, h("p", { role: "status" }, "Looking at the files ..."));
    try {
      const form = { kind, source: source.input.value, output: output.input.value, options: fields.values() };
      fill(planned, ...planView(await post<Plan>("plan", form)));
      planned.scrollIntoView({ block: "nearest" });
    } catch (error) {
      fill(planned, problem(error));
    } finally {
      show.disabled = false;
    }
  }

  const runs = h("section", { "aria-label": "Runs" });
  options.addEventListener("change", forget);
  draw();
  fill(
    place,
    h("section", { class: "form" },
      h("h1", {}, "Hide faces"),
      h("fieldset", {}, h("legend", {}, "What do you have?"), h("div", { class: "row" }, ...kinds)),
      field("From where", source.input, "It is never changed.", source.row),
      field("To where", output.input, "A folder of its own, new or of an earlier run; what is done is skipped.", output.row),
      options,
      h("div", { class: "row" }, show, note),
      planned,
    ),
    runs,
  );

  const look = async (): Promise<void> => {
    try {
      fill(runs, h("h2", {}, "Runs"), runList(await get<RunSummary[]>("runs")));
    } catch (error) {
      fill(runs, h("h2", {}, "Runs"), problem(error));
    }
  };
  await look();
  const timer = setInterval(() => void look(), POLL_MS);
  return () => clearInterval(timer);
};

function planView(plan: Plan): (HTMLElement | false)[] {
  if (plan.exit_code) return [h("h2", {}, "That cannot be done"), problem(plan.messages)];
  const todo = plan.images.filter((one) => one.action === "deface").length;
  const done = plan.images.length - todo;
  const start = button("Start", () => void go(), { class: "primary", id: "start" });
  const go = async (): Promise<void> => {
    start.disabled = true;
    try {
      const { run } = await post<{ run: string }>("runs", { plan: plan.plan });
      location.hash = `#/run?name=${run}`;
    } catch (error) {
      start.after(problem(inWords(error)));
    }
  };
  const told = plan.images.length
    ? `${count(todo, "image")} to deface${done ? `, ${done} done before` : ""}`
    : (plan.lines.at(-1) ?? "Nothing to do");
  return [
    h("h2", {}, "The plan"),
    h("p", {}, h("strong", {}, told)),
    plan.messages !== "" && h("p", { class: "warning" }, plan.messages),
    h("pre", { class: "lines", tabindex: 0, "aria-label": "Plan, line by line" }, plan.lines.join("\n")),
    h("details", {}, h("summary", {}, "The same on the command line"), h("code", { class: "command" }, plan.command)),
    h("div", { class: "row" }, start),
  ];
}
