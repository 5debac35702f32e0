"""A volume as it is stored: voxels, header and extensions byte for byte.

nibabel parses the header; the bytes around the voxels are kept as they came, so that saving
changes nothing but the voxels that were changed.
"""

from __future__ import annotations

import os
import tempfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from isal import igzip, isal_zlib
from nibabel.filebasedimages import ImageFileError
from nibabel.orientations import (
    apply_orientation,
    inv_ornt_aff,
    io_orientation,
    ornt_transform,
)
from nibabel.spatialimages import HeaderDataError
from numpy.typing import NDArray

from bids_deface.errors import ImageError, NoInputError, OutputError, ReadError
from bids_deface.frames import robust_mean

SUFFIXES = (".nii", ".nii.gz")
QFORM_FIELDS = ("quatern_b", "quatern_c", "quatern_d", "qoffset_x", "qoffset_y", "qoffset_z")
#: What a damaged gzip file raises.
_ISAL_ERROR: type[Exception] = isal_zlib.error  # type: ignore[assignment]
DAMAGED = (EOFError, zlib.error, igzip.BadGzipFile, _ISAL_ERROR)


@dataclass(frozen=True)
class Volume:
    """Voxels as stored on disk, and where they are.

    Attributes
    ----------
    data
        Stored values (i, j, k[, t...]) in the file's dtype, before scl_slope and scl_inter.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm): sform if set, else qform.
    prefix
        The file's bytes before the voxels: header and extensions.
    trailer
        Bytes after the voxels (seldom any).
    slope
        scl_slope of the header (1 where unset).
    """

    data: NDArray[Any]
    affine: NDArray[np.float64]
    prefix: bytes
    trailer: bytes
    slope: float

    def with_data(self, data: NDArray[Any]) -> Volume:
        """Return the same volume with other voxels of the same shape and dtype."""
        if data.shape != self.data.shape or data.dtype != self.data.dtype:
            raise ValueError("the voxels must keep their shape and dtype")
        return Volume(data, self.affine, self.prefix, self.trailer, self.slope)


def load_volume(path: Path) -> Volume:
    """Read a NIfTI-1 or NIfTI-2 single file.

    Parameters
    ----------
    path
        ``.nii`` or ``.nii.gz``.

    Raises
    ------
    NoInputError
        The file is not there (or is a broken git-annex link).
    ImageError
        The file is truncated, no NIfTI, not an image of numbers of 3 to 5 dimensions.
    """
    if not path.exists():
        hint = "Run: datalad get (git-annex content is missing)." if path.is_symlink() else None
        raise NoInputError(f"{path} does not exist.", hint)
    raw = _read_bytes(path)
    header = _parse_header(raw, path)
    dtype, shape = header.get_data_dtype(), tuple(int(n) for n in header.get_data_shape())
    if dtype.kind not in "iufc" or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise ImageError(
            f"{path} stores {dtype} voxels.",
            "Only images of numbers, one a voxel, can be defaced.",
        )
    if not 3 <= len(shape) <= 5 or min(shape, default=0) < 1:
        raise ImageError(f"{path} has shape {shape}.", "A 3D or 4D image is needed.")
    start, size = int(header["vox_offset"]), int(np.prod(shape)) * dtype.itemsize
    if start < header.sizeof_hdr or len(raw) < start + size:
        raise ImageError(
            f"{path} is truncated: {len(raw)} bytes, {start + size} expected.",
            "Get the file again from its source.",
        )
    data = np.frombuffer(raw, dtype, int(np.prod(shape)), start).reshape(shape, order="F")
    slope = float(header["scl_slope"])
    try:
        affine = np.asarray(header.get_best_affine(), dtype=np.float64)
    except (HeaderDataError, ValueError) as error:
        raise ImageError(f"{path} has a broken qform ({error}).") from error
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ImageError(f"{path} has no usable qform or sform.", "Repair the header first.")
    return Volume(
        data=data,
        affine=affine,
        prefix=raw[:start],
        trailer=raw[start + size :],
        slope=slope if np.isfinite(slope) and slope != 0 else 1.0,
    )


def voxel_count(path: Path) -> int:
    """Return the number of voxels of a file from its header alone.

    Raises
    ------
    ImageError
        The file cannot be read or is no NIfTI.
    """
    try:
        with path.open("rb") as file:
            zipped = file.read(2) == b"\x1f\x8b"
        with igzip.open(path) if zipped else path.open("rb") as file:
            start = file.read(540)
    except (*DAMAGED, OSError) as error:
        raise ImageError(f"{path} cannot be read ({error}).") from error
    return int(np.prod(_parse_header(start, path).get_data_shape(), dtype=np.int64))


def save_volume(volume: Volume, path: Path) -> None:
    """Write a volume whole or not at all; gzip without time and name, as BIDS asks.

    Raises
    ------
    OutputError
        The folder cannot be written.
    """
    content = b"".join((volume.prefix, volume.data.tobytes(order="F"), volume.trailer))
    if path.name.endswith(".gz"):
        content = igzip.compress(content, compresslevel=3, mtime=0)
    write_whole(path, content)


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` under a temporary name in the same folder, then rename it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=".tmp-", suffix=".part", dir=path.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            umask = os.umask(0)
            os.umask(umask)
            Path(name).chmod(0o666 & ~umask)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OutputError(f"Cannot write {path}: {error.strerror or error}.") from error


def derived_volume(data: NDArray[Any], like: Volume, description: str) -> Volume:
    """Return an integer mask or label map on the grid of another volume.

    Parameters
    ----------
    data
        Voxels (i, j, k); stored as they are, without scaling.
    like
        Volume whose qform, sform and their codes are taken over.
    description
        ``descrip`` of the header, at most 79 characters.
    """
    source = _parse_header(like.prefix, None)
    header = nib.Nifti2Header() if isinstance(source, nib.Nifti2Header) else nib.Nifti1Header()
    header.set_data_dtype(data.dtype)
    header.set_data_shape(data.shape)
    for field in ("qform_code", "sform_code", *QFORM_FIELDS, "srow_x", "srow_y", "srow_z"):
        header[field] = source[field]
    header["pixdim"][:4] = source["pixdim"][:4]
    header["xyzt_units"] = source["xyzt_units"]
    header["descrip"] = description.encode()
    # A single file: voxels after the empty extension flag.
    header["magic"] = header.single_magic
    header["vox_offset"] = header.sizeof_hdr + 4
    prefix = bytes(header.binaryblock) + b"\0\0\0\0"
    return Volume(np.asarray(data), like.affine, prefix, b"", 1.0)


def spatial_mean(volume: Volume) -> NDArray[np.float32]:
    """Return one 3D image (i, j, k) that stands for all frames, brighter = more signal."""
    mean = robust_mean(volume.data)
    return -mean if volume.slope < 0 else mean


def canonical_view(data: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    """Return a view of ``data`` whose first axes run closest to right, anterior, superior.

    Writing into the view writes into ``data``.
    """
    view: NDArray[Any] = apply_orientation(data, io_orientation(affine))
    return view


def stored_view(data: NDArray[Any], affine: NDArray[np.float64]) -> NDArray[Any]:
    """Return a view of canonical ``data`` that undoes :func:`canonical_view`."""
    back = ornt_transform(io_orientation(np.eye(4)), io_orientation(affine))
    view: NDArray[Any] = apply_orientation(data, back)
    return view


def canonical_affine(shape: tuple[int, ...], affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxel-to-world matrix of :func:`canonical_view`."""
    turn = inv_ornt_aff(io_orientation(affine), shape[:3])
    return np.asarray(affine @ turn, dtype=np.float64)


def zooms_of(affine: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxel size in mm along each array axis."""
    return np.asarray(np.linalg.norm(affine[:3, :3], axis=0), dtype=np.float64)


def _read_bytes(path: Path) -> bytes:
    try:
        raw = path.read_bytes()
        return igzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except DAMAGED as error:
        raise ImageError(
            f"{path} is truncated or damaged ({error}).", "Get the file again from its source."
        ) from error
    except OSError as error:
        raise ReadError(f"{path} cannot be read: {error.strerror or error}.") from error


def _parse_header(raw: bytes, path: Path | None) -> nib.Nifti1Header:
    """Return the NIfTI header at the start of ``raw``."""
    try:
        if raw[344:347] == b"n+1":
            return nib.Nifti1Header(raw[:348])
        if raw[4:7] == b"n+2" and len(raw) >= 540:
            return nib.Nifti2Header(raw[:540])
    except (HeaderDataError, ImageFileError, ValueError) as error:
        raise ImageError(f"{path} has a broken NIfTI header ({error}).") from error
    raise ImageError(f"{path} is no NIfTI file.", "Convert it first, for example with dcm2niix.")
