"""The defaced version of a raw image, if its record allows it and if it still fits."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np

from bids_deface.assurance.verdict import Decision
from bids_deface.containers.extensions import without_names
from bids_deface.containers.load import load_volume
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.release import ACCEPTED
from bids_deface.errors import DefaceError
from bids_deface.export.item import Fate, Item
from bids_deface.volume import Volume

STALE: Final = "the raw image is not the one that was defaced: deface it again"


def names_of(file: str, derivatives: Path) -> OutputNames:
    """Return where everything about a raw image lies in the derivatives."""
    return OutputNames.of(ImageRecord.at(Path(), file), derivatives)


def defaced_item(raw: Path, file: str, derivatives: Path, record: Mapping[str, Any]) -> Item:
    """Return what becomes of an image that a record tells of.

    Parameters
    ----------
    raw, file
        The raw image, and its path within the dataset.
    derivatives
        Folder of the derivatives.
    record
        Of the decision on it.
    """
    left_out = Item(file, Fate.LEFT_OUT, is_image=True)
    verdict = record.get("Verdict")
    if verdict != Decision.PASS:
        reasons = "; ".join(map(str, record.get("Reasons", [])))
        return left_out.left_out(f"its verdict is {verdict}: {reasons}")
    names = names_of(file, derivatives)
    image, mask = (derivatives / name for name in (names.relative_image, names.relative_mask))
    if not image.is_file() or not mask.is_file():
        return left_out.left_out("its defaced version or mask is gone from the derivatives")
    try:
        reason = misfit(load_volume(raw), load_volume(image), load_volume(mask))
    except DefaceError as error:
        told = error.message.replace(f"{derivatives}/", "").replace(str(raw), file)
        return left_out.left_out(told)
    if reason:
        return left_out.left_out(reason)
    blind = not ImageRecord.at(Path(), file).shows_tissue
    # Nobody could look at it when it was defaced, either: its regions came from its session.
    blind |= record.get("FaceViewsAfter") is None and bool(record.get("ChangedVoxels"))
    return Item(file, Fate.DEFACED, image, is_image=True, is_settled=blind or ACCEPTED in record)


def misfit(raw: Volume, defaced: Volume, mask: Volume) -> str:
    """Return in words why an image is not the defaced version of another; empty where it is.

    Outside of the mask all voxels are to be the same, and so is the header.

    Parameters
    ----------
    raw, defaced
        The two; the raw one with all its extensions.
    mask
        1 where the defaced one may differ.
    """
    same_grid = raw.data.shape == defaced.data.shape and raw.data.shape[:3] == mask.data.shape
    if not same_grid or raw.data.dtype != defaced.data.dtype:
        return STALE
    if not _same_header(raw, defaced):
        return STALE
    kept = mask.data == 0
    for frame in np.ndindex(raw.data.shape[3:]):
        at = (..., *frame)
        before, after = raw.data[at][kept], defaced.data[at][kept]
        if before.tobytes() != after.tobytes():
            return STALE
    return ""


def _same_header(raw: Volume, defaced: Volume) -> bool:
    """Compare headers; what can hold names may be gone."""
    return defaced.prefix in (raw.prefix, without_names(raw)[0].prefix)
