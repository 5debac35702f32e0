"""Read a scan of any kind that can be written back byte for byte."""

from __future__ import annotations

import math
from pathlib import Path

from bids_deface.containers.files import reading
from bids_deface.containers.mgh import (
    HEADER_SIZE,
    load_mgh,
    locate_mgh,
    parse_mgh_header,
    shape_of,
)
from bids_deface.containers.names import container_of, files_of
from bids_deface.containers.nifti import (
    load_pair,
    load_single,
    locate_pair,
    locate_single,
    parse_header,
    read_start,
)
from bids_deface.containers.voxels import VoxelPlace
from bids_deface.kinds import Container
from bids_deface.volume import Volume


def load_volume(path: Path) -> Volume:
    """Read a NIfTI file or pair, or an MGH file.

    Parameters
    ----------
    path
        ``.nii``, ``.hdr`` or ``.img`` (each also ``.gz``), ``.mgh`` or ``.mgz``.

    Raises
    ------
    NoInputError
        The file is not there, or is a git-annex link or pointer without its content.
    ImageError
        The file is truncated, of another kind, no image of intensities in 3 to 5 dimensions.
    ReadError
        The disk does not answer.
    """
    loaders = {Container.PAIR: load_pair, Container.MGH: load_mgh}
    return loaders.get(container_of(path) or Container.NIFTI, load_single)(path)


def locate_voxels(path: Path) -> VoxelPlace:
    """Return where the voxels of a scan are stored; names and errors as in :func:`load_volume`."""
    finders = {Container.PAIR: locate_pair, Container.MGH: locate_mgh}
    return finders.get(container_of(path) or Container.NIFTI, locate_single)(path)


def voxel_count(path: Path) -> int:
    """Return the number of voxels of a file from its header alone.

    Raises
    ------
    DefaceError
        The file cannot be read or is of another kind.
    """
    with reading(files_of(path)[0]) as file:
        if container_of(path) is Container.MGH:
            shape = shape_of(parse_mgh_header(file.read(HEADER_SIZE), path))
        else:
            shape = parse_header(read_start(file), path).get_data_shape()
    return math.prod(int(n) for n in shape)
