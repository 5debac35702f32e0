"""One look at an image on the detector's grid: regions, and whether they make a head."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.detection.grid import SPACING_MM, ConformedImage
from bids_deface.detection.holes import drop_holes
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.plausibility import RegionReport, Status, judge
from bids_deface.detection.pose import drop_strays
from bids_deface.detection.recognition import require_head
from bids_deface.detection.regions import RawRegion, find_regions
from bids_deface.errors import NoHeadError, SkullStrippedError
from bids_deface.tissue import dilate_mm

#: Tissue farther than this from a stripped brain may be of the face, mm ...
BARE_MM = 10.0
#: ... but for specks of this share of the brain.
BARE_SHARE = 0.01
#: Scaled intensity of what is as good as black.
BLANK = 0.01
SEEN = (Status.FOUND, Status.CUT_OFF)


@dataclass(frozen=True)
class Sighting:
    """What the network sees in one image.

    Attributes
    ----------
    conformed
        The image on the detector's grid.
    outline
        Its head.
    probseg
        Softmax (n_classes, i, j, k).
    found
        Regions by label index, the brain among them.
    regions
        One report for each facial region; empty where there is no head.
    problem
        Why there is no head; None where there is one.
    """

    conformed: ConformedImage
    outline: HeadOutline
    probseg: NDArray[np.float32]
    found: dict[int, RawRegion]
    regions: tuple[RegionReport, ...]
    problem: NoHeadError | None = None

    @property
    def n_seen(self) -> int:
        """Number of facial regions found, whole or in part."""
        return sum(report.status in SEEN for report in self.regions)

    @property
    def n_doubtful(self) -> int:
        """Number of facial regions that raise a doubt."""
        return sum(report.status is Status.DOUBTFUL for report in self.regions)

    @property
    def is_settled(self) -> bool:
        """Whether there is a head, with at least one facial region and no doubt about any."""
        return self.problem is None and self.n_seen > 0 and not self.n_doubtful

    @property
    def is_stripped(self) -> bool:
        """Whether there is a brain without skull and skin."""
        return isinstance(self.problem, SkullStrippedError)

    @property
    def is_bare_brain(self) -> bool:
        """Whether there is a brain and nothing else that could show a face."""
        if not self.is_stripped or set(self.found) != {BRAIN}:
            return False
        brain = self.found[BRAIN].mask
        far = ~dilate_mm(brain, BARE_MM, np.full(3, SPACING_MM))
        # The signal is smoothed: its edge reaches into exactly blank air.
        left = far & self.outline.signal & (self.conformed.image > BLANK)
        return bool(left.sum() <= BARE_SHARE * brain.sum())


def interpret(
    probseg: NDArray[np.float32], conformed: ConformedImage, outline: HeadOutline
) -> Sighting:
    """Judge what the network says of an image.

    Parameters
    ----------
    probseg
        Softmax (n_classes, i, j, k).
    conformed
        The image on the detector's grid.
    outline
        Its head.
    """
    found = drop_holes(find_regions(probseg, conformed.grid), outline, conformed)
    found = drop_strays(found)
    try:
        require_head(found, outline.mask, conformed.image)
    except NoHeadError as error:
        return Sighting(conformed, outline, probseg, found, (), error)
    regions = judge(found, outline.signal, conformed.grid)
    return Sighting(conformed, outline, probseg, found, regions)
