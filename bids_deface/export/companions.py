"""What belongs to an image: it goes where the image goes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path, PurePosixPath
from typing import Final

from bids_deface.containers.names import container_of
from bids_deface.export.item import Item

#: Sidecars and gradients: BIDS' inheritance says of which images they are.
INHERITED: Final = (".json", ".bval", ".bvec")
#: Tell members of one scan apart; its events and recordings belong to all of them.
MEMBERS: Final = ("echo", "part", "recording", "stim")
REASON: Final = "it belongs to images that are left out"


def leave_companions(items: Sequence[Item]) -> list[Item]:
    """Leave out sidecars, gradients, events and recordings whose images are all left out.

    Parameters
    ----------
    items
        All of the dataset.
    """
    images: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        if container_of(Path(item.file)) is not None:
            for folder in (item.folder, *map(str, PurePosixPath(item.folder).parents)):
                images[folder].append(item)
    return [
        item.left_out(REASON) if _is_lost(item, images.get(item.folder, ())) else item
        for item in items
    ]


def _is_lost(item: Item, images: Iterable[Item]) -> bool:
    """Tell whether a file has images, and all of them are left out."""
    if not item.is_shared or container_of(Path(item.file)) is not None:
        return False
    *entities, suffix = item.stem.split("_")
    if item.file.endswith(INHERITED):
        own = [
            image.is_shared
            for image in images
            if image.stem.rpartition("_")[2] == suffix and {*entities} <= {*image.stem.split("_")}
        ]
        if own:
            return not any(own)
    # Events and recordings lie beside their images.
    same = [
        image.is_shared
        for image in images
        if image.folder == item.folder and _scan(image.stem) == _scan(item.stem)
    ]
    return bool(same) and not any(same)


def _scan(stem: str) -> frozenset[str]:
    """Return the entities that all files of one scan share."""
    parts = stem.split("_")[:-1]
    return frozenset(part for part in parts if part.partition("-")[0] not in MEMBERS)
