"""Masks of what may have changed, under names that a raw dataset may have."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path

from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.sidecars import mask_sidecar
from bids_deface.dataset.suffixes import DATATYPES
from bids_deface.export.defaced import names_of
from bids_deface.export.item import Fate, Item
from bids_deface.export.placing import is_same


def mask_items(derivatives: Path, items: Iterable[Item]) -> list[Item]:
    """Return the masks of shared anatomical images, and their sidecars.

    BIDS has no ``desc`` in raw datasets. Images of one scan share one mask, so they share its
    name; where two masks would need one name, the second is left out.

    Parameters
    ----------
    derivatives
        What this program made of the dataset.
    items
        What becomes of the images.
    """
    masks: dict[str, Item] = {}
    out = []
    for item in items:
        if item.fate is not Fate.DEFACED or Path(item.folder).name != DATATYPES[0]:
            continue
        names = names_of(item.file, derivatives)
        name, source = _raw_name(names), derivatives / names.relative_mask
        if name not in masks:
            masks[name] = Item(name, Fate.AS_IS, source, "mask of what may have changed")
            sidecar = {
                k: v for k, v in mask_sidecar(item.file).items() if k in ("Description", "Type")
            }
            text = json.dumps(sidecar, indent=2) + "\n"
            json_name = name.removesuffix(".nii.gz") + ".json"
            out.append(Item(json_name, Fate.REWRITTEN, content=text.encode()))
            continue
        first = masks[name].source
        if first is not None and not is_same(first, source, copy=False):
            reason = f"the mask of {item.file} needs a name that another mask has"
            out.append(Item(names.relative_mask, Fate.LEFT_OUT, reason=reason))
    return [*masks.values(), *out]


def _raw_name(names: OutputNames) -> str:
    return re.sub(r"_desc-[A-Za-z0-9]+", "", names.relative_mask)
