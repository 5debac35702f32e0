"""Blocks to HTML: one file, no script or style from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from bids_deface import __version__
from bids_deface.reports.blocks import ImageReport
from bids_deface.reports.pages import content_hash, environment, inline
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
    style = inline("page.css")
    script = Markup("").join(inline(name) for kind, name in SCRIPTS.items() if kind in kinds)
    template = environment().get_template("subject.html")
    return template.render(
        subject=subject,
        version=__version__,
        images=[(anchor_of(n), image) for n, image in enumerate(images)],
        private=private,
        style=style,
        script=script,
        style_hash=content_hash(style),
        script_hash=content_hash(script) if script else "'none'",
    )
