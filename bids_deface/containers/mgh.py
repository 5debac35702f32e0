"""MGH and MGZ, FreeSurfer's format: header, voxels (big-endian), scan parameters, tags."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import nibabel as nib
import numpy as np

from bids_deface.containers.checks import check_affine, check_voxels
from bids_deface.containers.files import reading
from bids_deface.containers.voxels import VoxelPlace, read_rest, read_voxels
from bids_deface.errors import ImageError
from bids_deface.kinds import Container
from bids_deface.volume import Volume

#: The voxels begin here; the header's fields end before.
HEADER_SIZE, FIELDS_SIZE = 284, 90
#: Repetition time, flip angle, echo time, inversion time and field of view, as float32.
PARAMETERS_SIZE = 20
VERSION = 1
DTYPES: Final = {0: ">u1", 1: ">i4", 3: ">f4", 4: ">i2", 10: ">u2"}


def load_mgh(path: Path) -> Volume:
    """Read a ``.mgh`` or ``.mgz``; errors as in :func:`.load.load_volume`."""
    with reading(path) as file:
        start = file.read(HEADER_SIZE)
        header = parse_mgh_header(start, path)
        data = read_voxels(file, path, *_kind_of_voxels(header, path))
        trailer = read_rest(file, path)
    affine = np.asarray(header.get_affine(), dtype=np.float64)
    check_affine(affine, path)
    return Volume(data, affine, start, trailer, 1.0, Container.MGH)


def locate_mgh(path: Path) -> VoxelPlace:
    """Return where the voxels are; errors as in :func:`.load.load_volume`."""
    with reading(path) as file:
        header = parse_mgh_header(file.read(HEADER_SIZE), path)
    return VoxelPlace(path, HEADER_SIZE, *_kind_of_voxels(header, path))


def parse_mgh_header(start: bytes, path: Path) -> nib.freesurfer.mghformat.MGHHeader:
    """Return the header at the start of an MGH file.

    Raises
    ------
    ImageError
        There is none.
    """
    # FreeSurfer 7 keeps an intent in the second byte.
    if len(start) < HEADER_SIZE or int.from_bytes(start[:4], "big") & 0xFFFF00FF != VERSION:
        raise ImageError(
            f"{path} is no MGH file.", "Convert it first, for example with mri_convert."
        )
    return nib.freesurfer.mghformat.MGHHeader(start[:FIELDS_SIZE], check=False)


def shape_of(header: nib.freesurfer.mghformat.MGHHeader) -> tuple[int, ...]:
    """Return the shape; a single frame makes a 3D image."""
    return tuple(int(n) for n in header.get_data_shape())


def _kind_of_voxels(
    header: nib.freesurfer.mghformat.MGHHeader, path: Path
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return dtype and shape of the voxels that a header tells of."""
    code = int(header["type"])
    if code not in DTYPES:
        raise ImageError(
            f"{path} stores voxels of MGH type {code}, not intensities.",
            "Convert it first with mri_convert --out_data_type float.",
        )
    dtype, shape = np.dtype(DTYPES[code]), shape_of(header)
    check_voxels(dtype, shape, path)
    return dtype, shape
