"""Regions carried over from another image of the same session, through world coordinates."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bids_deface.anatomy import BRAIN
from bids_deface.detection.alignment import Alignment, align
from bids_deface.detection.featuremap import FeatureMap, Surface
from bids_deface.detection.grid import ConformedImage, Grid, conform, resample_labels
from bids_deface.detection.outline import find_outline
from bids_deface.detection.plausibility import RegionReport, Status
from bids_deface.detection.turns import UPRIGHT, turned
from bids_deface.errors import ImageError

#: Share of the carried brain that must lie on head tissue, or the heads do not coincide.
LEAST_OVERLAP = 0.9
#: Two images of one head, unmoved, are found up to this far apart, mm.
GREATEST_SHIFT_MM = 6.0
#: Share of a region inside the field of view below which it is cut off, or outside.
WHOLE, NOTHING = 0.9, 0.02


@dataclass(frozen=True)
class ReferenceHead:
    """An image of the session whose features are known.

    Attributes
    ----------
    name
        How to call it in messages.
    features
        What is known of it.
    image
        float32 (i, j, k), axes right, anterior, superior in the upright world.
    affine
        Its voxel-to-world matrix there; also that of ``features.dseg``.
    one_scan
        Whether it came out of the same acquisition as the image it serves, so that the head
        cannot have moved.
    """

    name: str
    features: FeatureMap
    image: NDArray[np.float32]
    affine: NDArray[np.float64]
    one_scan: bool = False


def carry(
    reference: ReferenceHead,
    image: NDArray[np.float32],
    affine: NDArray[np.float64],
    *,
    shows_tissue: bool = True,
) -> FeatureMap:
    """Resample a reference's regions to another image of the session.

    Parameters
    ----------
    reference
        Where the regions come from.
    image
        Intensities (i, j, k), axes right, anterior, superior as the header says.
    affine
        Its voxel-to-world matrix.
    shows_tissue
        Whether skin can be told from air in ``image``; if not (maps, phase), the reference's
        surface stands in for its own.

    Raises
    ------
    ImageError
        The reference's head is not to be found in the image.
    """
    # Images of one session share their header's world, and so its error.
    image, affine = turned(image, affine, reference.features.turn)
    grid = Grid((image.shape[0], image.shape[1], image.shape[2]), affine)
    if reference.features.stripped:
        raise ImageError(f"{reference.name} is skull-stripped: it does not tell where a face is.")
    conformed = conform(image, affine)
    place, doubt = _find_head(reference, conformed, grid)
    shift = place.displacement_mm(_face_places(reference))
    moved = shift > GREATEST_SHIFT_MM
    there = (place.matrix if moved else np.eye(4)) @ reference.affine
    dseg = resample_labels(reference.features.dseg, there, grid)
    regions = _what_is_here(reference, dseg, grid, there)
    if moved:
        doubt = f"the head lies {shift:.0f} mm from where it lies in {reference.name}"
    if doubt:
        regions = tuple(report.doubted(doubt) for report in regions)
    slack = reference.features.slack_mm
    carried = replace(
        reference.features,
        dseg=dseg,
        regions=regions,
        inherited_from=reference.name,
        # The header is believed, but on another grid the head may lie as far off as was measured.
        slack_mm=slack if moved or _same_grid(reference, grid) else max(slack or 0.0, shift),
    )
    if shows_tissue:
        return _with_own_surface(carried, conformed, grid)
    return replace(
        carried,
        threshold=find_outline(conformed).threshold,
        surface=Surface(reference.image, there, reference.features.dseg),
    )


def _same_grid(reference: ReferenceHead, grid: Grid) -> bool:
    return grid.shape == reference.image.shape and np.allclose(
        grid.affine, reference.affine, atol=1e-2
    )


def _find_head(
    reference: ReferenceHead, conformed: ConformedImage, grid: Grid
) -> tuple[Alignment, str]:
    """Return where the reference's head lies in another image, and why that may be wrong."""
    in_place = Alignment(np.eye(4), 2.0)
    same_grid = _same_grid(reference, grid)
    if same_grid and reference.one_scan:
        return in_place, ""
    known = conform(reference.image, reference.affine)
    place = align(known, find_outline(known).mask, conformed)
    if place.is_sure:
        return place, ""
    if same_grid:
        return in_place, f"whether the head lies where it lies in {reference.name} cannot be told"
    raise ImageError(
        f"the head of {reference.name} is not to be found in this image.",
        "Images that share regions must show the same head; deface it on its own.",
    )


def _face_places(reference: ReferenceHead) -> NDArray[np.float64]:
    """Return the centres of the reference's facial regions (n, 3; world mm), or the brain's."""
    dseg = reference.features.dseg
    labels = [int(i) for i in np.unique(dseg) if i not in (0, BRAIN)] or [BRAIN]
    ijk = np.array([np.argwhere(dseg == i).mean(axis=0) for i in labels if (dseg == i).any()])
    if not len(ijk):
        ijk = (np.array([dseg.shape]) - 1) / 2
    return np.asarray(ijk @ reference.affine[:3, :3].T + reference.affine[:3, 3])


def _with_own_surface(carried: FeatureMap, conformed: ConformedImage, grid: Grid) -> FeatureMap:
    """Take head and threshold from the image itself."""
    outline = find_outline(conformed)
    brain = resample_labels(carried.dseg, grid.affine, conformed.grid) == BRAIN
    overlap = float(outline.mask[brain].mean()) if brain.any() else 0.0
    if overlap < LEAST_OVERLAP:
        raise ImageError(
            f"the brain of {carried.inherited_from} overlaps this head by {100 * overlap:.0f} % "
            "only.",
            "Images that share regions must be in the same position; deface it on its own.",
        )
    return replace(
        carried, threshold=outline.threshold, head=outline.mask, head_grid=conformed.grid
    )


def _what_is_here(
    reference: ReferenceHead,
    dseg: NDArray[np.uint8],
    grid: Grid,
    there: NDArray[np.float64],
) -> tuple[RegionReport, ...]:
    """Judge what the reference's reports mean in another field of view."""
    regions = reference.features.regions
    if not np.array_equal(reference.features.turn, UPRIGHT):
        # One header of the session is wrong, and this one may be wrong otherwise.
        reason = f"{reference.name} lies turned against its header; deface this scan on its own"
        return tuple(report.doubted(reason) for report in regions)
    shows_more = not _lies_within(grid, reference, there)
    out = []
    for report in regions:
        in_reference = (Status.FOUND,) if shows_more else (Status.FOUND, Status.CUT_OFF)
        if report.status in in_reference:
            out.append(_cut(report, reference, dseg, grid))
        elif report.status is Status.ABSENT and not report.extra:
            # What was cut out of one image may be whole in another.
            reason = f"{report.name} was removed from {reference.name} before"
            out.append(report.doubted(reason))
        elif shows_more and report.status is not Status.DOUBTFUL:
            reason = (
                f"{report.name} is not whole in {reference.name}, and this scan shows more than it"
            )
            out.append(report.doubted(reason))
        else:
            out.append(report)
    return tuple(out)


def _cut(
    report: RegionReport, reference: ReferenceHead, dseg: NDArray[np.uint8], grid: Grid
) -> RegionReport:
    """Tell how much of a region lies in this field of view."""
    whole = float((reference.features.dseg == report.index).sum())
    whole *= abs(np.linalg.det(reference.affine[:3, :3]))
    here = float((dseg == report.index).sum()) * abs(np.linalg.det(grid.affine[:3, :3]))
    share = here / whole if whole else 0.0
    if share >= WHOLE:
        return report
    return replace(report, status=Status.CUT_OFF if share > NOTHING else Status.OUTSIDE)


def _lies_within(grid: Grid, reference: ReferenceHead, there: NDArray[np.float64]) -> bool:
    """Tell whether a field of view lies inside the reference's."""
    corners = np.array(np.meshgrid(*[(0, n - 1) for n in grid.shape])).reshape(3, -1)
    to_reference = np.linalg.inv(there) @ grid.affine
    places = to_reference[:3, :3] @ corners + to_reference[:3, 3:4]
    size = np.array(reference.image.shape)[:, None]
    return bool(np.all(places > -1) and np.all(places < size))
