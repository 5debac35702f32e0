"""The two ways in which a NIfTI header tells where the voxels are."""

from __future__ import annotations

from itertools import product

import nibabel as nib
import numpy as np
from nibabel.spatialimages import HeaderDataError

#: Rounding of the stored numbers is less than this.
TOLERANCE_MM = 0.1


def form_notes(header: nib.Nifti1Header, shape: tuple[int, ...]) -> tuple[str, ...]:
    """Return a note where qform and sform are both set and do not agree.

    Parameters
    ----------
    header
        The header; its sform is what counts, as in nibabel, ITK, FSL and SPM.
    shape
        Shape of the image.
    """
    if int(header["qform_code"]) <= 0 or int(header["sform_code"]) <= 0:
        return ()
    try:
        qform = np.asarray(header.get_qform(), dtype=np.float64)
    except (HeaderDataError, ValueError):
        return ("the qform is broken; the sform is used",)
    sform = np.asarray(header.get_sform(), dtype=np.float64)
    corners = np.array([(*ijk, 1) for ijk in product(*((-0.5, n - 0.5) for n in shape[:3]))])
    distance = float(np.linalg.norm(corners @ (sform - qform).T, axis=1).max())
    mirrored = np.linalg.det(sform[:3, :3]) * np.linalg.det(qform[:3, :3]) < 0
    if distance <= TOLERANCE_MM and not mirrored:
        return ()
    sides = " and in handedness" if mirrored else ""
    return (f"qform and sform disagree by {distance:.1f} mm{sides}; the sform is used",)
