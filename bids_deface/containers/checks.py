"""What every kind of file must fulfil, and what is said of those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.errors import ImageError

#: How other formats begin, what they are called, and the way out.
FOREIGN = (
    (0, b"CDF\x01", "a MINC file", "Convert it first with mnc2nii."),
    (0, b"CDF\x02", "a MINC file", "Convert it first with mnc2nii."),
    (0, b"\x89HDF", "an HDF5 file, as MINC is", "Convert it first, MINC with mnc2nii."),
    (0, b"NRRD", "an NRRD file", "Convert it first, for example with 3D Slicer."),
    (0, b"ObjectType", "a MetaImage", "Convert it first, for example with 3D Slicer."),
    (128, b"DICM", "a DICOM file", "Convert the series first with dcm2niix."),
    (344, b"n+1\0", "a NIfTI file that holds its own voxels", "Name it .nii."),
    (4, b"n+2\0", "a NIfTI-2 file that holds its own voxels", "Name it .nii."),
    (344, b"ni1\0", "the header of a NIfTI pair", "Name it .hdr, and its voxels .img."),
    (4, b"ni2\0", "the header of a NIfTI-2 pair", "Name it .hdr, and its voxels .img."),
)
#: sizeof_hdr of ANALYZE 7.5 and NIfTI-1 in both byte orders.
SIZEOF_HDR = (b"\x5c\1\0\0", b"\0\0\1\x5c")
#: AFNI's two files are known by their names only.
AFNI = (".HEAD", ".BRIK", ".BRIK.gz")


def foreign(path: Path, start: bytes) -> ImageError:
    """Return the error for a file of another format: which, where it is known, and the way out.

    Parameters
    ----------
    path
        The file.
    start
        Its first bytes, unpacked.
    """
    if path.name.endswith(AFNI):
        return ImageError(f"{path} is an AFNI file.", "Convert it first with 3dAFNItoNIFTI.")
    for offset, magic, what, hint in FOREIGN:
        if start[offset : offset + len(magic)] == magic:
            return ImageError(f"{path} is {what}.", hint)
    if start[:4] in SIZEOF_HDR and len(start) >= 348:
        return ImageError(
            f"{path} is ANALYZE 7.5, which does not tell left from right.",
            "Convert it first with fslchfiletype NIFTI_GZ, and look whether the sides are right.",
        )
    return ImageError(f"{path} is no NIfTI file.", "Convert it first, for example with dcm2niix.")


def check_voxels(dtype: np.dtype[Any], shape: tuple[int, ...], path: Path) -> None:
    """Raise unless voxels of this kind can be defaced.

    Raises
    ------
    ImageError
        Colours, numbers wider than 64 bits, or a shape that is no 3D or 4D image.
    """
    if dtype.names:
        raise ImageError(
            f"{path} stores {''.join(dtype.names).upper()} colours, not intensities.",
            "Deface the scan that the colours were made from.",
        )
    # Of a complex number both parts count.
    if dtype.kind not in "iufc" or dtype.itemsize > (16 if dtype.kind == "c" else 8):
        raise unreadable_voxels(path, str(dtype))
    if not 3 <= len(shape) <= 5 or min(shape, default=0) < 1:
        raise ImageError(f"{path} has shape {shape}.", "A 3D or 4D image is needed.")


def unreadable_voxels(path: Path | None, what: str) -> ImageError:
    """Return the error for voxels of a type that cannot be defaced."""
    return ImageError(
        f"{path} stores voxels that cannot be read ({what}).",
        "Convert it first, for example to 32-bit floats.",
    )


def check_affine(affine: NDArray[np.float64], path: Path) -> None:
    """Raise unless a matrix tells where the voxels are.

    Raises
    ------
    ImageError
        It is not finite or flat.
    """
    if not np.isfinite(affine).all() or abs(np.linalg.det(affine[:3, :3])) < 1e-9:
        raise ImageError(f"{path} has no usable qform or sform.", "Repair the header first.")
