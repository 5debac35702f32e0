"""Which images may go after a look at them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from bids_deface.audit.finding import Finding, Kind, Weight, problems_among
from bids_deface.audit.images import IMAGE_ITEM
from bids_deface.export.item import Item

#: Why a look that tells nothing does not count.
SETTLED = "judged when it was defaced, or by who released it"


def judge_looks(
    items: Sequence[Item],
    looks: Mapping[str, Sequence[Finding]],
    accepted: Collection[tuple[str, str, str]],
) -> tuple[list[Item], dict[str, list[Finding]]]:
    """Leave out images that show a face, or in which none can be ruled out.

    Parameters
    ----------
    items
        What becomes of the files.
    looks
        What was seen in each image.
    accepted
        Findings that a person has looked at and found to be good.

    Returns
    -------
    items, looks
        The same; of settled images what was seen counts as noted.
    """
    out, kept = [], {}
    for item in items:
        if not (item.is_image and item.is_shared):
            out.append(item)
            continue
        seen = [_settled(f) if item.is_settled else f for f in looks.get(item.file, ())]
        kept[item.file] = seen
        problems = problems_among(seen, accepted, strict=False)
        out.append(item.left_out(_told(problems)) if problems or not seen else item)
    return out, kept


def _settled(finding: Finding) -> Finding:
    if finding.weight is not Weight.PROBLEM or finding.kind is not Kind.FACE:
        return finding
    return replace(finding, weight=Weight.NOTE, reason=f"{finding.reason}; {SETTLED}")


def _told(problems: Sequence[Finding]) -> str:
    """Return in words what was seen."""
    if not problems:
        return "nobody looked at it"
    if problems[0].item == IMAGE_ITEM:
        return problems[0].reason
    seen = ", ".join(f"{one.item} {one.status.replace('_', ' ')}" for one in problems)
    return f"it is not clean: {seen}"
