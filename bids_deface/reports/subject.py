"""The pages of one subject: one to share, one with the original."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bids_deface.containers.files import write_whole
from bids_deface.kinds import PRIVATE
from bids_deface.reports.image_report import (
    Files,
    MeshBudget,
    comparison_report,
    image_report,
)
from bids_deface.reports.page import render_page
from bids_deface.reports.records import page_of


def write_subject_page(output_dir: Path, subject: str, records: Sequence[dict[str, Any]]) -> Path:
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
    budget = MeshBudget()
    images = [image_report(r, Files(output_dir, r, private=False), budget) for r in records]
    path = output_dir / page_of(subject)
    write_whole(path, render_page(subject, images, private=False).encode())
    return path


def write_private_page(output_dir: Path, subject: str, records: Sequence[dict[str, Any]]) -> Path:
    """Write ``private/sub-<label>.html``, which shows the original beside what became of it.

    Parameters
    ----------
    output_dir, subject, records
        As in :func:`write_subject_page`.

    Returns
    -------
    Path
        The page.
    """
    budget = MeshBudget()
    images = [comparison_report(r, Files(output_dir, r, private=True), budget) for r in records]
    path = output_dir / PRIVATE / page_of(subject)
    write_whole(path, render_page(subject, images, private=True).encode())
    return path


def drop_pages(output_dir: Path, subject: str) -> None:
    """Remove the pages of a subject whose images are done again: they hold its old head."""
    for folder in (output_dir, output_dir / PRIVATE):
        (folder / page_of(subject)).unlink(missing_ok=True)
