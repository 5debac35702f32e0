"""NIfTI-1 and NIfTI-2, single files and pairs.

nibabel parses the header; the bytes around the voxels are kept as they came.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from bids_deface.containers.checks import check_affine, check_voxels, foreign, unreadable_voxels
from bids_deface.containers.files import reading
from bids_deface.containers.forms import form_notes
from bids_deface.containers.names import files_of
from bids_deface.containers.voxels import (
    MOST_BESIDE,
    VoxelPlace,
    read_rest,
    read_voxels,
    truncated,
)
from bids_deface.errors import ImageError, NoInputError
from bids_deface.kinds import Container
from bids_deface.volume import Volume

SIZES = (348, 540)
QFORM_FIELDS = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
GRID_FIELDS = ("qform_code", "sform_code", *QFORM_FIELDS, "srow_x", "srow_y", "srow_z")
#: nibabel's complaints name no file; what matters becomes an error of our own.
UNHEARD = logging.Logger("unheard", level=logging.CRITICAL + 1)
SINGLE_MAGIC, PAIR_MAGIC = (b"n+1\0", b"n+2\0"), (b"ni1\0", b"ni2\0")


def load_single(path: Path) -> Volume:
    """Read a ``.nii`` or ``.nii.gz``; errors as in :func:`.load.load_volume`."""
    with reading(path) as file:
        start = read_start(file)
        header = parse_header(start, path, SINGLE_MAGIC)
        offset = _offset(header, path)
        if offset < len(start):
            raise ImageError(f"{path} lets its voxels begin within the header.")
        start += file.read(offset - len(start))
        if len(start) < offset:
            raise truncated(path, 0, 1)
        data = _read(file, path, header)
        return _volume(data, header, path, start, read_rest(file, path), Container.NIFTI)


def load_pair(path: Path) -> Volume:
    """Read a ``.hdr`` and ``.img``, given either; errors as in :func:`.load.load_volume`."""
    header_path, voxel_path = files_of(path)
    for part in (header_path, voxel_path):
        if path.exists() and not part.exists():
            raise NoInputError(f"{part} does not exist.", f"It belongs to {path.name}.")
    with reading(header_path) as file:
        prefix = read_rest(file, header_path)
    header = parse_header(prefix, header_path, PAIR_MAGIC)
    with reading(voxel_path) as file:
        lead = file.read(max(0, _offset(header, header_path)))
        data = _read(file, voxel_path, header)
        trailer = read_rest(file, voxel_path)
    return _volume(data, header, header_path, prefix, trailer, Container.PAIR, lead)


def locate_single(path: Path) -> VoxelPlace:
    """Return where the voxels of a single file are; errors as in :func:`.load.load_volume`."""
    with reading(path) as file:
        header = parse_header(read_start(file), path, SINGLE_MAGIC)
    return VoxelPlace(path, _offset(header, path), *_kind_of_voxels(header, path))


def locate_pair(path: Path) -> VoxelPlace:
    """Return where the voxels of a pair are; errors as in :func:`.load.load_volume`."""
    header_path, voxel_path = files_of(path)
    with reading(header_path) as file:
        header = parse_header(read_start(file), header_path, PAIR_MAGIC)
    offset = max(0, _offset(header, header_path))
    return VoxelPlace(voxel_path, offset, *_kind_of_voxels(header, header_path))


def read_start(file: BinaryIO) -> bytes:
    """Read a NIfTI header, or as much of another file."""
    start = file.read(SIZES[0])
    # The second version has its magic at byte 4.
    more = SIZES[1] - SIZES[0] if start[4:8] in (SINGLE_MAGIC[1], PAIR_MAGIC[1]) else 0
    return start + file.read(more)


def parse_header(
    start: bytes, path: Path | None, magic: tuple[bytes, bytes] | None = None
) -> nib.Nifti1Header:
    """Return the NIfTI header at the start of a file.

    Parameters
    ----------
    start
        The file's first bytes.
    path
        The file, for messages.
    magic
        What must be in a header of the first and of the second version; None takes any.

    Raises
    ------
    ImageError
        There is none, or it is broken.
    """
    first, second = magic or (None, None)
    kinds = (
        (start[344:348], SIZES[0], first, SINGLE_MAGIC[0], nib.Nifti1Header),
        (start[344:348], SIZES[0], first, PAIR_MAGIC[0], nib.nifti1.Nifti1PairHeader),
        (start[4:8], SIZES[1], second, SINGLE_MAGIC[1], nib.Nifti2Header),
        (start[4:8], SIZES[1], second, PAIR_MAGIC[1], nib.nifti2.Nifti2PairHeader),
    )
    for found, size, wanted, own, kind in kinds:
        if found == own and wanted in (None, own) and len(start) >= size:
            return _header(kind, start[:size], path)
    raise foreign(path or Path(), start)


def derived_volume(data: NDArray[Any], like: Volume, description: str) -> Volume:
    """Return an integer mask or label map on the grid of another volume, for a NIfTI file.

    Parameters
    ----------
    data
        Voxels (i, j, k); stored as they are, without scaling.
    like
        Volume whose qform, sform and their codes are taken over.
    description
        ``descrip`` of the header, at most 79 characters.
    """
    source = None if like.container is Container.MGH else parse_header(like.prefix, None)
    if source is None:
        header = new_header(data, like.affine)
    else:
        header = nib.Nifti2Header() if isinstance(source, nib.Nifti2Header) else nib.Nifti1Header()
        header.set_data_dtype(data.dtype)
        header.set_data_shape(data.shape)
        for field in GRID_FIELDS:
            header[field] = source[field]
        header["pixdim"][:4] = source["pixdim"][:4]
        header["xyzt_units"] = source["xyzt_units"]
    header["descrip"] = description.encode()
    return Volume(np.asarray(data), like.affine, prefix_of(header), b"", 1.0)


def new_header(data: NDArray[Any], affine: NDArray[np.float64]) -> nib.Nifti1Header:
    """Return a header for voxels (i, j, k[, t]) that came in no NIfTI file.

    Parameters
    ----------
    data
        The voxels.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm).
    """
    header = nib.Nifti1Header()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    header.set_qform(affine, 1)
    header.set_sform(affine, 1)
    header.set_xyzt_units("mm")
    return header


def prefix_of(header: nib.Nifti1Header) -> bytes:
    """Return what comes before the voxels of a single file without extensions."""
    header["magic"] = header.single_magic
    # Voxels come after the empty extension flag.
    header["vox_offset"] = header.sizeof_hdr + 4
    return bytes(header.binaryblock) + b"\0\0\0\0"


def _header(
    kind: Callable[..., nib.Nifti1Header], block: bytes, path: Path | None
) -> nib.Nifti1Header:
    try:
        header = kind(block, check=False)
        header.check_fix(logger=UNHEARD)
    except (HeaderDataError, ImageFileError, ValueError) as error:
        if "data code" in str(error):
            raise unreadable_voxels(path, str(error)) from error
        raise ImageError(f"{path} has a broken NIfTI header ({error}).") from error
    return header


def _offset(header: nib.Nifti1Header, path: Path) -> int:
    """Return how many bytes come before the voxels; no more than any format has there."""
    offset = float(header["vox_offset"])
    if not np.isfinite(offset) or offset > MOST_BESIDE:
        raise ImageError(f"{path} has a broken NIfTI header (vox_offset is {offset:g}).")
    return int(offset)


def _read(file: BinaryIO, path: Path, header: nib.Nifti1Header) -> NDArray[Any]:
    """Read the voxels that a header tells of."""
    return read_voxels(file, path, *_kind_of_voxels(header, path))


def _kind_of_voxels(header: nib.Nifti1Header, path: Path) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Return dtype and shape of the voxels that a header tells of."""
    dtype, shape = header.get_data_dtype(), tuple(int(n) for n in header.get_data_shape())
    check_voxels(dtype, shape, path)
    return dtype, shape


def _volume(
    data: NDArray[Any],
    header: nib.Nifti1Header,
    path: Path,
    prefix: bytes,
    trailer: bytes,
    container: Container,
    lead: bytes = b"",
) -> Volume:
    """Put a volume together."""
    try:
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise ImageError(f"{path} has a broken qform ({error}).") from error
    check_affine(affine, path)
    slope, inter = float(header["scl_slope"]), float(header["scl_inter"])
    scaled = np.isfinite(slope) and slope != 0
    return Volume(
        data=data,
        affine=affine,
        prefix=prefix,
        trailer=trailer,
        slope=slope if scaled else 1.0,
        inter=inter if scaled and np.isfinite(inter) else 0.0,
        container=container,
        lead=lead,
        notes=form_notes(header, data.shape),
    )
