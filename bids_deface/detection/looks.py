"""How an image is shown to the network: as it is, the right way round, and brightened in doubt."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from bids_deface.detection.grid import ConformedImage
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.plausibility import Status
from bids_deface.detection.sighting import SEEN, Sighting, interpret

#: Runs the network over an image on the detector's grid.
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]
#: Scaled intensity from which the air of an inverted image counts as bright, and how even it is.
WHITE, EVEN = 0.8, 0.1
#: Brightens what has little signal: a face far from the coil or under a saturation band.
BRIGHTER = 0.5


def look(predict: Predict, conformed: ConformedImage, outline: HeadOutline) -> Sighting:
    """Look at an image, and once more, brightened, where a region is in doubt or absent.

    The second look counts where it leaves no doubt, and shows every region that the first one
    doubted or, without a doubt, more than the first one: what is too dim to be seen is not gone.

    Parameters
    ----------
    predict
        Runs the network over an image on the detector's grid.
    conformed, outline
        The image, and its head.
    """
    first = glance(predict, conformed, outline)
    doubted, absent = (
        {report.index for report in first.regions if report.status is status}
        for status in (Status.DOUBTFUL, Status.ABSENT)
    )
    if not doubted and not absent:
        return first
    second = glance(lambda image: predict(image**BRIGHTER), conformed, outline)
    seen = {report.index for report in second.regions if report.status in SEEN}
    is_better = doubted <= seen if doubted else second.n_seen > first.n_seen
    return second if second.is_settled and is_better else first


def glance(predict: Predict, conformed: ConformedImage, outline: HeadOutline) -> Sighting:
    """Look at an image once; parameters as in :func:`look`."""
    return interpret(predict(with_dark_air(conformed.image)), conformed, outline)


def with_dark_air(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return an image whose air is dark: inverted where its border is white and even.

    Parameters
    ----------
    image
        float32 (i, j, k) in [0, 1].
    """
    # Neck and shoulders reach the lower border, nothing but air most of the others.
    sides = [image[0], image[-1], image[:, 0], image[:, -1], image[..., -1]]
    border = np.concatenate([side.ravel() for side in sides])
    middle = float(np.median(border))
    spread = 1.4826 * float(np.median(np.abs(border - middle)))
    return 1 - image if middle > WHITE and spread < EVEN else image
