"""Write a volume back into the kind of file it came from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.containers.files import Piece, stream, voxel_bytes, write_together
from bids_deface.containers.names import ZIPPED, check_suffix, files_of
from bids_deface.containers.readback import read_back
from bids_deface.kinds import Container
from bids_deface.volume import Volume

#: Judges the voxels (i, j, n) of a written file, slices in the order of the file; raises if bad.
Judge = Callable[[Iterator[NDArray[Any]]], object]


def save_volume(volume: Volume, path: Path, judge: Judge | None = None) -> None:
    """Write a volume whole or not at all; gzip without time and name, as BIDS asks.

    Parameters
    ----------
    volume
        What to write.
    path
        Where it goes.
    judge
        Gets what is on disk, before the file comes to its place.

    Raises
    ------
    OutputError
        The folder cannot be written, the name is one of another kind of file, or with ``judge``
        the disk holds something else.
    """
    check_suffix(path, volume.container, f"the voxels come from {volume.container}")
    zipped = path.name.endswith(ZIPPED)
    voxel_path, start = path, volume.prefix
    writers = {path: stream(_pieces(volume.prefix, volume), zipped=zipped)}
    if volume.container is Container.PAIR:
        header_path, voxel_path = files_of(path)
        start = volume.lead
        # The header comes last: without it nothing looks like an image.
        writers = {
            voxel_path: stream(_pieces(volume.lead, volume), zipped=zipped),
            header_path: stream([volume.prefix], zipped=zipped),
        }

    def inspect(made: Mapping[Path, Path]) -> None:
        if judge is None:
            return
        for place in set(made) - {voxel_path}:
            # A pair's header: no voxels in it.
            list(read_back(made[place], place, volume.prefix, np.empty((0, 0, 0)), b""))
        judge(read_back(made[voxel_path], voxel_path, start, volume.data, volume.trailer))

    write_together(writers, inspect)


def _pieces(start: bytes, volume: Volume) -> Iterator[Piece]:
    yield start
    yield from voxel_bytes(volume.data)
    yield volume.trailer
