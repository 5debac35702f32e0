"""Blocks to HTML: one file, no script or style from elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from bids_deface import __version__
from bids_deface.reports.blocks import ImageReport


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
    return (
        environment()
        .get_template("subject.html")
        .render(subject=subject, version=__version__, images=images, private=private)
    )


@lru_cache(maxsize=1)
def environment() -> Environment:
    """Return the templates; all that is filled in is escaped."""
    return Environment(
        loader=PackageLoader("bids_deface.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
