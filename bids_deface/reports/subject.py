"""The page of one subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bids_deface import __version__
from bids_deface.containers.files import write_whole
from bids_deface.reports.pages import environment
from bids_deface.reports.records import anchor_of, page_of, shareable_pictures


def write_subject_page(output_dir: Path, subject: str, records: list[dict[str, Any]]) -> Path:
    """Write ``sub-<label>.html`` from the records and pictures that are there.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    subject
        Label without ``sub-``.
    records
        Records of the subject's images.

    Returns
    -------
    Path
        The page.
    """
    page = environment().get_template("subject.html").render(
        subject=subject,
        version=__version__,
        images=[
            {**record, "Anchor": anchor_of(n), "Figures": _figures(output_dir, record)}
            for n, record in enumerate(records)
        ],
    )  # fmt: skip
    path = output_dir / page_of(subject)
    write_whole(path, page.encode())
    return path


def _figures(output_dir: Path, record: dict[str, Any]) -> list[dict[str, str]]:
    """Return the shareable pictures of a record that exist, with their captions."""
    captions = {
        "desc-defaced": "The head after defacing, shaded",
        "desc-regions": "Boxes around the regions and what changed (dotted) on the defaced image",
    }
    return [
        {"path": n, "caption": next((text for key, text in captions.items() if key in n), n)}
        for n in shareable_pictures(record)
        if (output_dir / n).exists()
    ]
