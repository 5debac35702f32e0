"""Write a defaced scan; nobody sees it before the disk's copy was compared with the input file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from bids_deface.assurance.brain import count_written
from bids_deface.containers.readback import differs_on_disk, voxel_slabs
from bids_deface.containers.save import save_volume
from bids_deface.result import DefaceResult


def save_defaced(result: DefaceResult, path: Path, in_file: Path) -> None:
    """Write a defaced scan whole, or not at all.

    What was written is read back from under its temporary name and compared with the input as it
    stands on disk: as many voxels as were to change differ, all in the mask, none of the brain.

    Parameters
    ----------
    result
        What to write, and the mask.
    path
        Where it goes.
    in_file
        The scan before.

    Raises
    ------
    OutputError
        It cannot be written, or the disk holds something else; nothing is left.
    """

    def compare(slabs: Iterator[NDArray[Any]]) -> None:
        found = count_written(voxel_slabs(in_file), slabs, result.mask, result.dseg)
        if found.outside_mask or found.in_brain or found.changed != result.changes.changed:
            raise differs_on_disk(
                path,
                f"what was written ({found.changed} voxels differ from {in_file.name}, "
                f"{result.changes.changed} should; {found.outside_mask} outside the mask, "
                f"{found.in_brain} in the brain)",
            )

    save_volume(result.volume, path, compare)
