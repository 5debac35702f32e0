"""Image files made byte by byte, so that tests know where every byte belongs."""

from __future__ import annotations

import gzip
import struct
from pathlib import Path

import nibabel as nib
import numpy as np

AFFINE = np.array([[2, 0, 0, -5], [0, 1.5, 0, 3], [0, 0, 3, 7], [0, 0, 0, 1.0]])


def nifti_header(
    dtype: str,
    shape: tuple[int, ...],
    *,
    slope: float = 1.0,
    inter: float = 0.0,
    version: int = 1,
    pair: bool = False,
    offset: int = 0,
    code: int | None = None,
) -> bytes:
    """A NIfTI header; ``offset`` counts the bytes between the flag (or start) and the voxels."""
    endian = ">" if dtype.startswith(">") else "<"
    header = (nib.Nifti1Header if version == 1 else nib.Nifti2Header)(endianness=endian)
    header.set_data_dtype(np.dtype(dtype))
    header.set_data_shape(shape)
    header.set_sform(AFFINE, 2)
    header.set_qform(AFFINE, 1)
    header["scl_slope"], header["scl_inter"] = slope, inter
    header["cal_max"], header["descrip"] = 77, b"scanner text"
    header["magic"] = header.pair_magic if pair else header.single_magic
    header["vox_offset"] = offset if pair else header.sizeof_hdr + 4 + offset
    if code is not None:
        header["datatype"] = code
    return bytes(header.binaryblock)


def extension(ecode: int, content: bytes, endian: str = "<") -> bytes:
    esize = (8 + len(content) + 15) // 16 * 16
    return struct.pack(f"{endian}ii", esize, ecode) + content.ljust(esize - 8, b"\0")


def mgh_start(code: int, shape: tuple[int, ...], version: int = 1) -> bytes:
    """An MGH header with oblique axes and an odd centre."""
    turn = np.array([[0, -1, 0], [0, 0, 1], [-1, 0, 0]], float)
    dims = (*shape, 1, 1, 1, 1)[:4]
    fields = struct.pack(">7ih", version, *dims, code, 0, 1)
    fields += struct.pack(">15f", 1, 1.25, 2, *turn.ravel(), 3, -4, 5)
    return fields.ljust(284, b"\0")


def write(path: Path, content: bytes) -> Path:
    zipped = path.name.endswith((".gz", ".mgz"))
    path.write_bytes(gzip.compress(content) if zipped else content)
    return path


def unpacked(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content


def values(dtype: str, shape: tuple[int, ...], seed: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 100, shape).astype(np.dtype(dtype))


def voxels(data: np.ndarray) -> bytes:
    return data.tobytes(order="F")
