"""Frames into stacks: sorted by place, with equal steps, gaps known; pure geometry."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.dicom.frames import LPS_TO_RAS, SAME_PLACE_MM, Frame
from bids_deface.errors import SeriesError

#: A head has more slices than that; a localiser has fewer in each direction.
LEAST_SLICES: Final = 8
#: How far a slice may lie from its place in an even stack: share of the step, mm.
UNEVEN: Final = 0.05
#: Missing slices are bridged for the detector: at most so many in a row, and in all (share).
LONGEST_GAP: Final = 3
MOST_MISSING: Final = 0.1
#: Slices of a tilted gantry are moved along each other by more than this, degrees.
LEAST_TILT_DEG: Final = 0.5


@dataclass(frozen=True)
class Stack:
    """Slices of one grid and contrast, bottom to top along their normal.

    Attributes
    ----------
    frames
        One tuple for each slice that is there: its repetitions, in order.
    slots
        Where each slice lies in the even stack, ascending from 0.
    affine
        Voxel-to-world matrix (4x4, RAS+, mm) of an array (column, row, slot).
    """

    frames: tuple[tuple[Frame, ...], ...]
    slots: tuple[int, ...]
    affine: NDArray[np.float64]

    @property
    def first(self) -> Frame:
        """The first frame of the first slice."""
        return self.frames[0][0]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Columns, rows, slots."""
        columns, rows = self.first.shape
        return columns, rows, self.slots[-1] + 1

    @property
    def n_repeats(self) -> int:
        """How often each slice was taken."""
        return len(self.frames[0])

    @property
    def n_missing(self) -> int:
        """Slots without a slice."""
        return self.slots[-1] + 1 - len(self.slots)

    @property
    def shows_tissue(self) -> bool:
        """Whether skin stands out against air."""
        return self.first.shows_tissue


def stack_frames(frames: Sequence[Frame]) -> tuple[Stack, ...]:
    """Sort the frames of a series into stacks.

    Parameters
    ----------
    frames
        At least one.

    Returns
    -------
    tuple of Stack
        Magnitude first, then more slices first.

    Raises
    ------
    SeriesError
        Slices are missing, uneven, tilted or too few; or their number differs from place to place.
    """
    stacks = [
        _stack(same) for plane in _parallel(frames) for same in _contrasts(plane)
    ]  # fmt: skip
    return tuple(sorted(stacks, key=lambda s: (not s.shows_tissue, -len(s.slots))))


def _parallel(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Part frames by direction, size and component."""
    groups: list[list[Frame]] = []
    for frame in frames:
        for group in groups:
            if group[0].is_parallel(frame):
                group.append(frame)
                break
        else:
            groups.append([frame])
    return groups


def _contrasts(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Part frames by contrast, where each contrast has a stack of its own."""
    by_contrast: dict[tuple[float | str, ...], list[Frame]] = defaultdict(list)
    for frame in frames:
        by_contrast[frame.contrast].append(frame)
    places = {contrast: _places(group) for contrast, group in by_contrast.items()}
    whole = len(_places(frames))
    # A value that changes from slice to slice is no contrast: those frames are one stack.
    if any(len(found) < whole for found in places.values()):
        return [list(frames)]
    return list(by_contrast.values())


def _places(frames: Sequence[Frame]) -> set[int]:
    return {round(_height(frame, frames[0]) / SAME_PLACE_MM / 2) for frame in frames}


def _height(frame: Frame, reference: Frame) -> float:
    return float(np.dot(frame.position, reference.normal))


def _stack(frames: Sequence[Frame]) -> Stack:
    slices = _slices(frames)
    if len(slices) < LEAST_SLICES:
        raise SeriesError(
            f"a stack of {len(slices)} slices is too thin to show a head (localiser?).",
            "Leave it out of what you share, or convert it and look at the NIfTI.",
        )
    counts = {len(found) for found in slices}
    if len(counts) > 1:
        raise SeriesError(
            f"some places hold {min(counts)} images and others {max(counts)}.",
            "Images are missing or too many; send the series again from the scanner or archive.",
        )
    places = np.array([found[0].position for found in slices])
    slots, step = _even_slots(places, slices[0][0].normal)
    return Stack(tuple(map(tuple, slices)), slots, _affine(slices[0][0], step))


def _slices(frames: Sequence[Frame]) -> list[list[Frame]]:
    """Sort frames by place; those of one place are together, in order."""
    ordered = sorted(frames, key=lambda frame: (_height(frame, frames[0]), frame.order))
    slices: list[list[Frame]] = []
    for frame in ordered:
        apart = np.subtract(frame.position, slices[-1][0].position) if slices else [np.inf]
        if float(np.abs(apart).max()) < SAME_PLACE_MM:
            slices[-1].append(frame)
        else:
            slices.append([frame])
    return [sorted(found, key=lambda frame: frame.order) for found in slices]


def _even_slots(
    places: NDArray[np.float64], normal: NDArray[np.float64]
) -> tuple[tuple[int, ...], NDArray[np.float64]]:
    """Return the slot of each slice, and the way from slot to slot (LPS, mm)."""
    distances = np.diff(places @ normal)
    step = float(np.median(distances))
    if step <= SAME_PLACE_MM:
        raise SeriesError(
            "several images lie in one plane, side by side.",
            "Split the series by acquisition before defacing.",
        )
    slots = np.rint(np.concatenate([[0.0], np.cumsum(distances)]) / step).astype(int)
    gaps = np.diff(slots)
    # A straight line through all places: the step gets exact, and strays show.
    line = np.stack([np.ones(len(slots)), slots], 1)
    (start, way), *_ = np.linalg.lstsq(line, places, rcond=None)
    strays = np.abs(places - start - np.outer(slots, way)).max(axis=1)
    _check_tilt(way, normal)
    if gaps.min() < 1 or strays.max() > max(UNEVEN * step, 2 * SAME_PLACE_MM):
        raise SeriesError(
            f"the slices lie {distances.min():.2f} to {distances.max():.2f} mm apart.",
            "Only evenly spaced slices make a volume; resample the series first.",
        )
    missing = int(slots[-1] + 1 - len(slots))
    if gaps.max() > LONGEST_GAP + 1 or missing > MOST_MISSING * len(slots):
        raise SeriesError(
            f"{missing} slices are missing.", "Send the series again from the scanner or archive."
        )
    return tuple(map(int, slots)), way


def _check_tilt(way: NDArray[np.float64], normal: NDArray[np.float64]) -> None:
    cosine = float(way @ normal / np.linalg.norm(way))
    tilt = float(np.degrees(np.arccos(min(1.0, cosine))))
    if tilt > LEAST_TILT_DEG:
        raise SeriesError(
            f"the slices are shifted along each other (gantry tilt of {tilt:.1f} degrees).",
            "Resample the series to right angles first.",
        )


def _affine(frame: Frame, step: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the voxel-to-world matrix (RAS+); PS3.3, equation C.7.6.2.1-1."""
    out = np.eye(4)
    out[:3, 0] = np.multiply(frame.along_row, frame.spacing[0])
    out[:3, 1] = np.multiply(frame.along_column, frame.spacing[1])
    out[:3, 2] = step
    out[:3, 3] = frame.position
    return LPS_TO_RAS @ out
