"""Every chosen feature hidden, in boxes: what is to be written, and where."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, OUTWARD, FacialFeature, labels_of
from bids_deface.distortion.methods import Method, Protocol
from bids_deface.distortion.scene import Scene
from bids_deface.frames import frames_of, relative_levels, telling_frames
from bids_deface.surroundings import Surroundings
from bids_deface.tissue import dilate_mm, grown_box

#: Surroundings a method sees around its feature, mm: skin to learn from and air to draw from.
AROUND_MM = 30.0
#: Surfaces before cuts: where a nose meets a flattened eye, the cut has the last word.
ORDER = (FacialFeature.EYES, FacialFeature.MOUTH, FacialFeature.NOSE, FacialFeature.EARS)


@dataclass(frozen=True)
class Edit:
    """New values in one box of an image.

    Attributes
    ----------
    index
        Label of the region that is hidden.
    box
        Slices (i, j, k) of the image.
    put
        bool, shape of the box: voxels to write.
    values
        Stored values (frame, voxel), voxels in the order of ``put``.
    """

    index: int
    box: tuple[slice, ...]
    put: NDArray[np.bool_]
    values: tuple[NDArray[Any], ...]

    def write(self, data: NDArray[Any], mask: NDArray[np.bool_]) -> None:
        """Write the values into an image (i, j, k[, t...]) and mark them in a mask (i, j, k)."""
        for frame, values in zip(frames_of(data), self.values, strict=True):
            frame[self.box][self.put] = values
        mask[self.box] |= self.put


@dataclass(frozen=True)
class Place:
    """Where one region is hidden.

    Attributes
    ----------
    box
        Slices of the image: the region and ``AROUND_MM`` around it.
    region, hidden
        bool, shape of the box: the region, and all that are being hidden.
    allowed
        bool, voxels that may change.
    """

    box: tuple[slice, ...]
    region: NDArray[np.bool_]
    hidden: NDArray[np.bool_]
    allowed: NDArray[np.bool_]


def hide_features(
    data: NDArray[Any],
    dseg: NDArray[np.uint8],
    around: Surroundings,
    protocol: Protocol,
    features: Sequence[FacialFeature],
    rng: np.random.Generator,
    *,
    threshold: float,
    margin_mm: float,
    slack_mm: float = 0.0,
) -> Iterator[Edit]:
    """Hide one region after the other; write the edits in the order in which they come.

    Parameters
    ----------
    data
        Stored values (i, j, k[, t...]), axes right, anterior, superior; read only.
    dseg
        uint8 (i, j, k), regions.
    around
        Head and air of the same image.
    protocol
        Methods by feature.
    features
        What to hide.
    rng
        Random generator of the fill.
    threshold
        Stored value between air and head, in a frame of typical brightness.
    margin_mm
        Distance from the brain within which nothing changes.
    slack_mm
        How far the surface may lie from where ``around`` has it, in single frames.
    """
    frames = frames_of(data)
    levels = relative_levels(frames, telling_frames(data))
    far_air = [around.far_air(frame, rng) for frame in frames]
    boxes = ndimage.find_objects(dseg, max_label=BRAIN)
    for index, method in _methods(protocol, features):
        if boxes[index - 1] is None:
            continue
        box = grown_box(boxes[index - 1], AROUND_MM, around.zooms, dseg.shape)
        place = _place_of(index, box, dseg, around.zooms, features, margin_mm)
        head, air = around.head(place.box, place.hidden), around.air(place.box, place.hidden)
        edits = []
        put = np.zeros_like(head)
        for frame, level, far in zip(frames, levels, far_air, strict=True):
            values = frame[place.box]
            scene = Scene(
                data=values,
                region=place.region,
                features=place.hidden,
                head=head,
                air=air & np.isfinite(values),
                zooms=around.zooms,
                threshold=threshold * float(level),
                far_air=far,
                slack_mm=slack_mm,
            )
            change = method(scene, *OUTWARD[index], rng)
            put = change.mask & place.allowed
            edits.append(change.values[put])
        yield Edit(index, place.box, put, tuple(edits))


def _methods(
    protocol: Protocol, features: Sequence[FacialFeature]
) -> Iterator[tuple[int, Method]]:
    """Return label and method of every region to hide, in order."""
    for feature in ORDER:
        if feature in features:
            for index in labels_of(feature):
                yield index, protocol.methods[feature]


def _place_of(
    index: int,
    box: tuple[slice, ...],
    dseg: NDArray[np.uint8],
    zooms: NDArray[np.float64],
    features: Sequence[FacialFeature],
    margin_mm: float,
) -> Place:
    """Tell what a box around a region holds."""
    labels = dseg[box]
    hidden = np.isin(labels, [i for f in features for i in labels_of(f)])
    return Place(box, labels == index, hidden, ~_near_brain(dseg, box, margin_mm, zooms))


def _near_brain(
    dseg: NDArray[np.uint8],
    box: tuple[slice, ...],
    margin_mm: float,
    zooms: NDArray[np.float64],
) -> NDArray[np.bool_]:
    """Return the voxels of a box within a margin of the brain, wherever the brain lies."""
    wide = grown_box(box, margin_mm, zooms, dseg.shape)
    near = dilate_mm(dseg[wide] == BRAIN, margin_mm, zooms)
    inner = tuple(
        slice(b.start - w.start, b.stop - w.start) for b, w in zip(box, wide, strict=True)
    )
    return near[inner]
