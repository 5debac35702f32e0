"""A session is one head: where an image's features come from, its own or another's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.detection.carried import ReferenceHead, carry
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.detection.plausibility import Status
from bids_deface.errors import ImageError


@dataclass(frozen=True)
class SessionFeatures:
    """Stands in for the detector: an image's own features, or those of another image.

    Attributes
    ----------
    own
        What the detector found in the image, or why it found nothing; None where the image is
        not asked: it shows no skin, or shares the regions of its family.
    references
        Loaders of other images of the session, best first.
    wanted
        Labels of the features that are to be hidden.
    shows_tissue
        Whether skin can be told from air in the image.
    sha256
        Checksum of the weights.
    """

    own: FeatureMap | ImageError | None
    references: Sequence[Callable[[], ReferenceHead]]
    wanted: frozenset[int]
    sha256: str
    shows_tissue: bool = True

    def detect(self, image: NDArray[np.float32], affine: NDArray[np.float64]) -> FeatureMap:
        """Return the features of an image: its own if nothing is doubtful, else inherited ones.

        Parameters
        ----------
        image
            Intensities (i, j, k), axes right, anterior, superior as the header says.
        affine
            Its voxel-to-world matrix.

        Raises
        ------
        ImageError
            Neither the image nor another one of the session tells where the features are.
        """
        own = self.own if isinstance(self.own, FeatureMap) else None
        if own is not None and own.is_whole(self.wanted):
            return own
        best: FeatureMap | None = None
        problem: ImageError | None = None
        for load in self.references:
            try:
                reference = load()
                if own is not None and _tells_less(reference.features, own, self.wanted):
                    continue
                carried = carry(reference, image, affine, shows_tissue=self.shows_tissue)
            except ImageError as error:
                problem = problem or error
                continue
            joined = join(own, carried) if own is not None else carried
            if not joined.doubts(self.wanted):
                return joined
            best = best or joined
        if own is not None and (best is None or not own.doubts(self.wanted)):
            return own
        if best is not None:
            return best
        raise self._problem(problem)

    def _problem(self, of_references: ImageError | None) -> ImageError:
        if isinstance(self.own, ImageError):
            return self.own
        return of_references or ImageError(
            "the image shows no skin of its own, and no other image of the session tells where "
            "the features are.",
            "Add an anatomical image of the session (T1w) to the run.",
        )


def _tells_less(reference: FeatureMap, own: FeatureMap, wanted: frozenset[int]) -> bool:
    """Tell whether a reference is in doubt, or lies otherwise than a head that is in none."""
    if reference.doubts(wanted):
        return True
    return not np.array_equal(reference.turn, own.turn) and not own.doubts(wanted)


def join(own: FeatureMap, carried: FeatureMap) -> FeatureMap:
    """Keep what an image shows without doubt, and take the rest from another one.

    Parameters
    ----------
    own
        What the image shows by itself.
    carried
        The reference's features on the same grid.

    Returns
    -------
    FeatureMap
        Regions in doubt or cut off are the reference's, and what was seen of them.
    """
    # Where the rest of the face is, an image that shows part of it can only guess.
    closed = (Status.FOUND, Status.ABSENT)
    sure = {r.index for r in own.regions if r.status in closed or (r.corrected and not r.is_open)}
    if not np.array_equal(own.turn, carried.turn):
        reason = f"the head may lie otherwise than in {carried.inherited_from}"
        return replace(carried, regions=tuple(r.doubted(reason) for r in carried.regions))
    if not sure:
        return carried
    seen = {r.index for r in own.regions if r.status is Status.CUT_OFF}
    dseg = np.where(np.isin(carried.dseg, [*sure, BRAIN]), 0, carried.dseg)
    dseg = np.where((dseg == 0) & np.isin(own.dseg, [*seen]), own.dseg, dseg)
    dseg = np.where(np.isin(own.dseg, [*sure]), own.dseg, dseg)
    # What either takes for brain is spared, the carried brain where it meets no sure region.
    dseg = np.where((own.dseg == BRAIN) | ((dseg == 0) & (carried.dseg == BRAIN)), BRAIN, dseg)
    mine = {r.index: r for r in own.regions if r.index in sure}
    regions = tuple(mine.get(r.index, r) for r in carried.regions)
    return replace(
        carried,
        dseg=dseg.astype(np.uint8),
        regions=regions,
        slack_mm=own.slack_mm,
        # What speaks against the image's own brain stays true: that brain is in the result.
        image_doubts=tuple(dict.fromkeys((*carried.image_doubts, *own.image_doubts))),
    )
