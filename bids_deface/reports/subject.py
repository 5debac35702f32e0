"""The page of one subject."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from bids_deface import __version__
from bids_deface.containers.files import write_whole


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
    environment = Environment(
        loader=PackageLoader("bids_deface.reports"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page = environment.get_template("subject.html").render(
        subject=subject,
        version=__version__,
        images=[{**record, "Figures": _figures(output_dir, record)} for record in records],
    )
    path = output_dir / f"sub-{subject}.html"
    write_whole(path, page.encode())
    return path


def _figures(output_dir: Path, record: dict[str, Any]) -> list[dict[str, str]]:
    """Return the shareable pictures of a record that exist, with their captions."""
    captions = {
        "desc-defaced": "The head after defacing, shaded",
        "desc-regions": "Boxes around the regions and what changed (dotted) on the defaced image",
    }
    out = []
    for name in record.get("Files", []):
        if (
            "/figures/" in name
            and not name.startswith("private/")
            and (output_dir / name).exists()
        ):
            caption = next((text for key, text in captions.items() if key in name), name)
            out.append({"path": name, "caption": caption})
    return sorted(out, key=lambda figure: figure["path"])
