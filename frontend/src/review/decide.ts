// Accept or reject: by button or key, with a reason and who says so.

import { type Decision, type ImageRow, post } from "../api";
import { button, field, fill, h, toast } from "../dom";
import { inWords } from "../problem";
import { decisionInWords } from "../words";

const REVIEWER = "bids-deface-reviewer";

export function reviewer(): string {
  return localStorage.getItem(REVIEWER) ?? "";
}

export interface Decider {
  panel: HTMLElement;
  decide: (decision: string) => Promise<void>;
}

export function decider(where: { raw: string; out: string }, row: ImageRow): Decider {
  const name = h("input", { type: "text", autocomplete: "off", id: "reviewer" });
  name.value = reviewer();
  name.addEventListener("change", () => localStorage.setItem(REVIEWER, name.value.trim()));
  const reason = h("textarea", { rows: 2, id: "reason" });
  reason.value = row.stale ? "" : (row.decision?.reason ?? "");
  const status = h("p", { class: "decision", role: "status" });
  const accept = button("Accept (a)", () => void decide("accept"), { class: "accept" });
  const reject = button("Reject (r)", () => void decide("reject"), { class: "reject" });
  const back = button("Take back", () => void decide(""));

  function show(): void {
    const word = row.decision?.decision;
    status.textContent = decisionInWords(row) || "not decided";
    status.className = `decision ${row.stale ? "" : (word ?? "")}`;
    accept.setAttribute("aria-pressed", String(word === "accept" && !row.stale));
    reject.setAttribute("aria-pressed", String(word === "reject" && !row.stale));
    back.hidden = !row.decision;
  }

  async function decide(decision: string): Promise<void> {
    if (decision && !name.value.trim()) {
      name.focus();
      toast("Say who you are first: initials do.", true);
      return;
    }
    if (decision === "reject" && !reason.value.trim()) {
      reason.focus();
      toast("Say why you reject it, then press the button.", true);
      return;
    }
    try {
      const body = { ...where, source: row.source, stamp: row.stamp, decision, reviewer: name.value, reason: reason.value };
      const kept = await post<Decision>("decision", body);
      row.decision = decision ? kept : null;
      row.stale = false;
      show();
      toast(decision ? `${row.name}: ${decision}ed` : `${row.name}: taken back`);
    } catch (error) {
      toast(inWords(error), true);
    }
  }

  show();
  const panel = h("section", { class: "panel", "aria-label": "Decision" }, h("h2", {}, "Decision"));
  const failed = row.verdict === "FAIL";
  if (failed) panel.append(h("p", {}, "Nothing was written for this image: there is nothing to accept. You can correct it, or leave it out."));
  else {
    fill(panel, h("h2", {}, "Decision"), status,
      field("Reviewer", name), field("Reason", reason, "Kept in the private table; needed to reject."),
      h("div", { class: "row" }, accept, reject, back),
      h("small", {}, row.verdict === "REVIEW" ? "Accepted images are released in the list, not before." : "It passed and is among the results already; your decision is kept."));
  }
  return { panel, decide: (decision) => (failed ? Promise.resolve() : decide(decision)) };
}
