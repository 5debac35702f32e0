"""The file that makes a folder a BIDS dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from bids_deface.errors import InvalidBIDSError
from bids_deface.textfiles import read_json

DESCRIPTION: Final = "dataset_description.json"


def read_description(bids_dir: Path) -> dict[str, Any]:
    """Return a dataset's description.

    Raises
    ------
    InvalidBIDSError
        There is none, or it lacks what BIDS requires.
    """
    content = read_json(bids_dir / DESCRIPTION)
    if not {"Name", "BIDSVersion"} <= content.keys():
        raise InvalidBIDSError(
            f"{bids_dir} is no BIDS dataset: {DESCRIPTION} with Name and BIDSVersion "
            "is missing or broken."
        )
    return content
