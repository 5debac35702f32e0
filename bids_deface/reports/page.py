"""Blocks to HTML: one file, no script or style from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bids_deface.reports.blocks import ImageReport
from bids_deface.reports.pages import render
from bids_deface.reports.records import anchor_of

#: What makes a kind of block move.
SCRIPTS: Final = {"turnable": "turn.js", "comparison": "compare.js"}


def render_page(subject: str, images: Sequence[ImageReport], *, private: bool) -> str:
    """Return the page of one subject.

    Parameters
    ----------
    subject
        Label without ``sub-``.
    images
        What it says of each image.
    private
        Whether it shows originals, and warns of that.
    """
    kinds = {b.kind for image in images for section in image.sections for b in section.blocks}
    return render(
        "subject.html",
        "page.css",
        [name for kind, name in SCRIPTS.items() if kind in kinds],
        subject=subject,
        images=[(anchor_of(n), image) for n, image in enumerate(images)],
        private=private,
    )
