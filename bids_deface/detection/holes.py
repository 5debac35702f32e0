"""What the network sees a feature in, though it was cut out before: holes, and what is left."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, MOUTH, NOSE, FacialFeature, head_scale, labels_of
from bids_deface.detection.grid import SPACING_MM, ConformedImage, touches_border
from bids_deface.detection.outline import HeadOutline
from bids_deface.detection.proportions import FROM_EYES_MM
from bids_deface.detection.regions import RawRegion
from bids_deface.tissue import bounding_box, dilate_mm

#: A region with less signal in it is a hole that the network sees a feature in.
LEAST_SIGNAL = 0.05
#: Share of an eye from which it is a hole: none on the validation heads, half where cut out.
GREATEST_EVEN = 0.3
EYES = labels_of(FacialFeature.EYES)
#: A mouth is half air: where there are no eyes, either, it is a hole if it is more even than that
#: and than so many times the air beside the head. On the validation heads 0.96 times at most, 1.4
#: or more where cut out.
MORE_EVEN, BESIDE_MM = 1.2, (4.0, 24.0)
#: A nose smaller than this is a hole if less than this share of it is head. On 38 scans noses have
#: 21 ml or more and shares of 0.31 or more; where others had cut them, 3-13 ml and at most 0.13,
SMALL_NOSE_ML, LEAST_NOSE = 15.0, 0.2
#: or the rest at the root of the nose, which is smaller than this or nearer to the eyes than any.
NOSE_REST_ML = 6.0


def drop_holes(
    found: dict[int, RawRegion], outline: HeadOutline, conformed: ConformedImage
) -> dict[int, RawRegion]:
    """Leave out facial regions that hold nothing but air: a face that was cut out before.

    Parameters
    ----------
    found
        Regions on the detector's grid.
    outline
        The head on the same grid. Its signal is smoothed and reaches into small holes: in eyes,
        which are all tissue, no two voxels are the same, a small nose is not all air, and the air
        before a mouth is that of the whole scan.
    conformed
        The image on the detector's grid.
    """
    left = {
        index: region
        for index, region in found.items()
        if index == BRAIN or not _is_hole(index, found, outline, conformed)
    }
    # A field of view that ends before the mouth is blank, too, but leaves the eyes.
    is_eyeless = not set(EYES) & set(left)
    if is_eyeless and MOUTH in left and _is_cut_out(left[MOUTH].mask, outline.mask, conformed):
        del left[MOUTH]
    return left


def _is_hole(
    index: int, found: dict[int, RawRegion], outline: HeadOutline, conformed: ConformedImage
) -> bool:
    """Tell whether a facial region is where something was cut out."""
    region = found[index]
    if outline.signal[region.mask].mean() < LEAST_SIGNAL:
        return True
    if index in EYES:
        return _even_share(conformed.image, region.mask) > GREATEST_EVEN
    is_small = index == NOSE and region.volume_ml < SMALL_NOSE_ML
    # Of a nose at the border of the field of view nobody knows how large it is.
    if not is_small or touches_border(region.mask, conformed.grid):
        return False
    is_bare = bool(outline.mask[region.mask].mean() < LEAST_NOSE)
    return is_bare or region.volume_ml < NOSE_REST_ML or _is_root_of_nose(found)


def _is_cut_out(
    mask: NDArray[np.bool_], head: NDArray[np.bool_], conformed: ConformedImage
) -> bool:
    """Tell whether a region is blank where this scan's own air is not."""
    share = _even_share(conformed.image, mask)
    if share <= GREATEST_EVEN:
        return False
    near, far = (dilate_mm(head, mm, np.full(3, SPACING_MM)) for mm in BESIDE_MM)
    air = far & ~near
    return bool(air.any()) and share > MORE_EVEN * _even_share(conformed.image, air)


def _is_root_of_nose(found: dict[int, RawRegion]) -> bool:
    """Tell whether what was found of a nose lies as near to the eyes' middle as no nose does."""
    if not {NOSE, BRAIN, *EYES} <= set(found):
        return False
    middle = np.mean([found[eye].centroid for eye in EYES], axis=0)
    away = float(np.linalg.norm(found[NOSE].centroid - middle))
    return away < FROM_EYES_MM[NOSE][0] * head_scale(found[BRAIN].volume_ml)


def _even_share(image: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the share of a mask that is one and the same value as all around it."""
    box = bounding_box(mask, 1)
    part = image[box]
    even = ndimage.maximum_filter(part, 3) == ndimage.minimum_filter(part, 3)
    return float(even[mask[box]].mean())
