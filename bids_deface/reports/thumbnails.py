"""Small pictures of defaced heads for the page of all images."""

from __future__ import annotations

import io
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from bids_deface.containers.files import write_whole
from bids_deface.rendering import VIEWS
from bids_deface.reports.records import shareable_pictures

FOLDER = PurePosixPath("figures", "group")
#: Width in pixels: all views side by side, twice as fine as they are shown.
WIDTH = 400
QUALITY = 75
#: Brightness of the darkest skin that counts; all around is darker, but for the views' names.
SKIN = 40
#: Pixels left around the head.
BORDER = 4
#: Times of files are rounded by some file systems; a run takes longer than this.
SAME_TIME_S = 2.0


def list_thumbnails(output_dir: Path) -> frozenset[str]:
    """Return the thumbnails that are there, relative to the derivatives."""
    folder = output_dir / FOLDER
    return frozenset(path.relative_to(output_dir).as_posix() for path in folder.glob("*.jpg"))


def make_thumbnails(output_dir: Path, records: Iterable[dict[str, Any]]) -> dict[str, str]:
    """Make the thumbnails that are missing or older than their pictures.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    records
        Of all images; only those that may be shared get a thumbnail.

    Returns
    -------
    dict
        Raw image to thumbnail, relative to the derivatives.
    """
    made = {}
    for record in records:
        picture = _picture_of(record)
        if picture is not None:
            thumbnail = _thumbnail_of(picture)
            if _is_ready(output_dir / picture, output_dir / thumbnail):
                made[str(record["Source"])] = thumbnail
    return made


def drop_thumbnails(
    output_dir: Path, there: Iterable[str], records: Iterable[dict[str, Any]]
) -> None:
    """Remove thumbnails of images that have no picture to share, or none any longer.

    Parameters
    ----------
    output_dir
        Derivatives folder.
    there
        What :func:`list_thumbnails` found *before* the records were read: since a thumbnail
        comes after its record, none of them is of an image that another run just finished.
    records
        Of all images.
    """
    pictures = (_picture_of(record) for record in records)
    for name in set(there) - {_thumbnail_of(p) for p in pictures if p is not None}:
        (output_dir / name).unlink(missing_ok=True)


def _picture_of(record: dict[str, Any]) -> str | None:
    """Return the picture of the defaced head, if the image may be shared and has one."""
    return next((n for n in shareable_pictures(record) if "_desc-defaced" in n), None)


def _thumbnail_of(picture: str) -> str:
    return str(FOLDER / f"{PurePosixPath(picture).stem}.jpg")


def _is_ready(picture: Path, thumbnail: Path) -> bool:
    """Make a thumbnail unless it is of this very picture; tell whether it is there."""
    try:
        drawn = picture.stat().st_mtime
        # The picture's own time, not "newer than": clocks of two machines may differ.
        if thumbnail.is_file() and abs(thumbnail.stat().st_mtime - drawn) < SAME_TIME_S:
            return True
        write_whole(thumbnail, _shrunk(picture))
        os.utime(thumbnail, (drawn, drawn))
    except (OSError, SyntaxError, ValueError):
        # Another run may just write it anew; a page without one picture is still a page.
        return False
    return True


def _shrunk(picture: Path) -> bytes:
    with Image.open(picture) as image:
        heads = Image.fromarray(without_margins(np.asarray(image.convert("L"))))
    height = max(1, round(heads.height * WIDTH / heads.width))
    content = io.BytesIO()
    heads.resize((WIDTH, height), Image.Resampling.LANCZOS).save(content, "JPEG", quality=QUALITY)
    return content.getvalue()


def without_margins(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return a picture of all views without what is dark around the heads, the same in each.

    Parameters
    ----------
    picture
        Grey (rows, columns), of :func:`bids_deface.reports.figures.plot_head`.
    """
    width = picture.shape[1] // len(VIEWS)
    views = picture[:, : width * len(VIEWS)].reshape(len(picture), len(VIEWS), width)
    bright = np.any(views > SKIN, axis=1)
    if not bright.any():
        return picture
    rows, columns = (np.flatnonzero(np.any(bright, axis=axis)) for axis in (1, 0))
    top, bottom = max(0, rows[0] - BORDER), rows[-1] + BORDER + 1
    left, right = max(0, columns[0] - BORDER), columns[-1] + BORDER + 1
    heads = views[top:bottom, :, left:right]
    return heads.reshape(len(heads), -1)
