"""Everything known after defacing one volume."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bids_deface.assurance.brain import ChangeCount
from bids_deface.assurance.sharing import shared_dseg, shared_mask
from bids_deface.assurance.verdict import Verdict
from bids_deface.containers.nifti import derived_volume
from bids_deface.inspection import Inspection
from bids_deface.places import Edit
from bids_deface.volume import Volume, canonical_affine, canonical_view, stored_view, zooms_of

if TYPE_CHECKING:
    from bids_deface.detection.featuremap import FeatureMap
    from bids_deface.detection.landmarks import Landmark

MASK_DESCRIPTION = "1 = may have been changed by defacing, 0 = as it was"


@dataclass(frozen=True)
class DefaceResult:
    """Everything known after defacing one volume.

    Attributes
    ----------
    volume
        The defaced volume; what lies outside of :attr:`mask` is as it was.
    edits
        What was changed, axes right, anterior, superior.
    dseg
        uint8 (i, j, k), regions of the facial features and the brain, as private as the mask.
    margin_mm
        Distance from the brain within which nothing changed.
    changes
        Comparison with the input.
    verdict
        PASS, REVIEW or FAIL with reasons.
    features
        What the detector found, axes running right, anterior, superior.
    inspection
        What the head looks like before and after; None where the scan shows no skin.
    weights_sha256
        The detector that was used.
    notes
        What else is worth telling, in words; no cause for review.
    landmarks
        Nasion and preauricular points, sure or not; empty unless they were asked for.
    """

    volume: Volume
    edits: tuple[Edit, ...]
    dseg: NDArray[np.uint8]
    margin_mm: float
    changes: ChangeCount
    verdict: Verdict
    features: FeatureMap
    inspection: Inspection | None
    weights_sha256: str
    notes: tuple[str, ...] = ()
    landmarks: tuple[Landmark, ...] = ()

    @property
    def landmark_voxels(self) -> dict[str, tuple[float, float, float]]:
        """Landmarks that are sure, by name: voxel of the stored array, the first one being 0."""
        to_voxel = np.linalg.inv(self.world)
        sure = {m.name: np.array([*m.place_mm, 1.0]) for m in self.landmarks if m.is_sure}
        places = {name: (to_voxel @ place)[:3].round(1).tolist() for name, place in sure.items()}
        return {name: (i, j, k) for name, (i, j, k) in places.items()}

    @property
    def world(self) -> NDArray[np.float64]:
        """Voxel-to-world matrix in which the head is upright; the volume's own as a rule."""
        return np.asarray(self.features.turn @ self.volume.affine)

    @property
    def mask(self) -> NDArray[np.uint8]:
        """Changed voxels, uint8 (i, j, k). It outlines the features, so keep it private."""
        out = np.zeros(self.dseg.shape, dtype=np.uint8, order="F")
        upright = canonical_view(out, self.world)
        for edit in self.edits:
            upright[edit.box] |= edit.put
        return out

    @property
    def n_spared(self) -> int:
        """Voxels that the methods would have changed, but for the brain and its margin."""
        return sum(edit.n_spared for edit in self.edits)

    @property
    def mask_volume(self) -> Volume:
        """What may have changed, as boxes that outline no feature, on the scan's grid."""
        dseg = canonical_view(self.dseg, self.world)
        mask = shared_mask(
            [edit.box for edit in self.edits], dseg, self.margin_mm, self._upright_zooms
        )
        return derived_volume(stored_view(mask, self.world), self.volume, MASK_DESCRIPTION)

    @property
    def dseg_volume(self) -> Volume:
        """The brain and a box for each facial region, on the scan's grid."""
        dseg = shared_dseg(canonical_view(self.dseg, self.world), self._upright_zooms)
        return derived_volume(
            stored_view(dseg, self.world), self.volume, "boxes around facial regions, and brain"
        )

    @property
    def _upright_zooms(self) -> NDArray[np.float64]:
        """Voxel size in mm, axes right, anterior, superior."""
        return zooms_of(canonical_affine(self.dseg.shape, self.world))
