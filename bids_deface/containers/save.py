"""Write a volume back into the kind of file it came from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from bids_deface.containers.files import Piece, stream, voxel_bytes, write_together
from bids_deface.containers.names import ZIPPED, check_suffix, files_of
from bids_deface.kinds import Container
from bids_deface.volume import Volume


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume whole or not at all; gzip without time and name, as BIDS asks.

    Raises
    ------
    OutputError
        The folder cannot be written, or the name is one of another kind of file.
    """
    check_suffix(path, volume.container, f"the voxels come from {volume.container}")
    zipped = path.name.endswith(ZIPPED)
    if volume.container is Container.PAIR:
        header_path, voxel_path = files_of(path)
        # The header comes last: without it nothing looks like an image.
        write_together(
            {
                voxel_path: stream(_pieces(volume.lead, volume), zipped=zipped),
                header_path: stream([volume.prefix], zipped=zipped),
            }
        )
    else:
        write_together({path: stream(_pieces(volume.prefix, volume), zipped=zipped)})


def _pieces(start: bytes, volume: Volume) -> Iterator[Piece]:
    yield start
    yield from voxel_bytes(volume.data)
    yield volume.trailer
