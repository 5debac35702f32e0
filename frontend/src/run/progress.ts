// One run, live: a line for each image, how far it is, what went wrong.

import { type RunDetails, type RunSummary, type Told, address, get, post } from "../api";
import { button, fill, h } from "../dom";
import type { Page } from "../main";
import { problem } from "../problem";
import { TITLES, runInWords, when } from "../words";
import { reviewLink } from "./list";

export const progressPage: Page = async (place, query) => {
  const name = query.get("name") ?? "";
  const run = await get<RunDetails>(`runs/${encodeURIComponent(name)}`);
  const rows = new Map<string, HTMLTableRowElement>();
  const body = h("tbody", {});
  const bar = h("progress", { "aria-label": "Images done", max: 1, value: 0 });
  const how = h("p", { role: "status" });
  const rest = h("pre", { class: "lines", tabindex: 0, "aria-label": "What else it said" });
  const messages = h("pre", { class: "lines wrapped", tabindex: 0, "aria-label": "Messages" });
  const after = h("div", { class: "row" });
  const going = h("p", { class: "soft" }, "You may close this page: the run goes on.");
  const more = h("details", {}, h("summary", {}, "Messages"), messages);
  const said = h("section", { hidden: true }, h("h2", {}, "Summary"), rest);
  let done = 0;
  let total = 0;
  let live = true;

  for (const one of run.images) {
    const skipped = one.action !== "deface";
    row(one.name, skipped ? "done before" : "waits", skipped ? "" : one.note);
    total += skipped ? 0 : 1;
  }

  function row(image: string, verdict: string, text: string): void {
    const cells = [h("td", {}, image), h("td", { class: `verdict ${verdict}` }, verdict), h("td", {}, text)];
    const old = rows.get(image);
    const fresh = h("tr", {}, ...cells);
    if (old) old.replaceWith(fresh);
    else body.append(fresh);
    rows.set(image, fresh);
  }

  function hear(lines: Told[]): void {
    for (const line of lines) {
      if (line.image) {
        ({ done, total } = line.image);
        row(line.image.name, line.image.verdict, line.image.text);
      } else if (line.text.trim()) {
        said.hidden = false;
        rest.append(`${line.text}\n`);
      }
    }
    bar.max = Math.max(1, total);
    bar.value = done;
    if (live) how.textContent = soFar();
  }

  function soFar(): string {
    return total ? `${done} of ${total} images done` : "Looking at the files ...";
  }

  function stand(now: RunSummary & { messages: string }): void {
    const runs = now.state === "running";
    live = runs;
    how.textContent = runs ? soFar() : runInWords(now);
    how.className = runs ? "" : `ended ${now.state} exit-${now.exit_code ?? "none"}`;
    messages.textContent = now.messages || "None.";
    // An error is not to be looked for.
    more.open = !runs && now.messages !== "" && now.exit_code !== 0;
    bar.hidden = !runs && done === 0;
    going.hidden = !runs;
    if (runs) fill(after, button("Cancel", () => void cancel()));
    else ended(now);
  }

  function ended(now: RunSummary): void {
    // A single image has no line of its own: its end is that of the run.
    const left = now.kind === "image" && now.exit_code === 0 ? "done" : "not done";
    for (const [image, one] of rows) if (one.cells[1]?.textContent === "waits") row(image, left, "");
    fill(
      after,
      now.review && h("a", { class: "button primary", href: reviewLink(now) }, "Review the images"),
      h("a", { class: "button", href: "#/" }, "Back to the runs"),
    );
  }

  async function cancel(): Promise<void> {
    if (!confirm("End this run? What is done is kept, and the next run goes on from there.")) return;
    how.textContent = "Ending ...";
    await post(`runs/${encodeURIComponent(name)}/cancel`, {});
  }

  stand(run);
  fill(
    place,
    h("h1", {}, `${TITLES[run.title] ?? "Run"}: ${run.source.split("/").pop() ?? ""}`),
    h("dl", { class: "facts" },
      h("dt", {}, "From"), h("dd", {}, run.source),
      h("dt", {}, "To"), h("dd", {}, run.output),
      h("dt", {}, "Started"), h("dd", {}, when(run.started)),
      h("dt", {}, "Command"), h("dd", {}, h("code", {}, run.command))),
    h("div", { class: "progress" }, bar, how),
    going,
    after,
    h("div", { class: "wide" }, h("table", {}, h("thead", {}, h("tr", {}, h("th", {}, "Image"), h("th", {}, "Verdict"), h("th", {}, "Time and reasons"))), body)),
    said,
    more,
  );

  const stream = new EventSource(address(`runs/${encodeURIComponent(name)}/events`));
  const lost = h("p", { class: "warning", hidden: true }, "The server does not answer just now. The run goes on; this page tries again.");
  place.append(lost);
  stream.addEventListener("open", () => (lost.hidden = true));
  stream.addEventListener("error", () => (lost.hidden = false));
  stream.addEventListener("lines", (event) => hear(JSON.parse(event.data as string) as Told[]));
  stream.addEventListener("state", (event) => {
    try {
      stand(JSON.parse(event.data as string) as RunDetails);
    } catch (error) {
      place.append(problem(error));
    }
  });
  stream.addEventListener("end", () => stream.close());
  return () => stream.close();
};
