"""A stack of frames as a volume, and back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.containers.nifti import new_header, prefix_of
from bids_deface.dicom.pixels import read_frames
from bids_deface.dicom.stacking import Stack
from bids_deface.errors import SeriesError
from bids_deface.volume import Volume


@dataclass(frozen=True)
class Slot:
    """Where a frame lies in a volume: slot along the third axis, repetition."""

    slot: int
    repeat: int


#: File to frame number to the number of its stack, and its place there.
Layout = Mapping[Path, Mapping[int, tuple[int, Slot]]]


def layout_of(stacks: Sequence[Stack]) -> Layout:
    """Return where each frame of each file goes."""
    out: dict[Path, dict[int, tuple[int, Slot]]] = defaultdict(dict)
    for n, stack in enumerate(stacks):
        for slot, frames in zip(stack.slots, stack.frames, strict=True):
            for repeat, frame in enumerate(frames):
                out[frame.path][frame.index] = (n, Slot(slot, repeat))
    return out


def load_stacks(stacks: Sequence[Stack]) -> list[Volume]:
    """Read the pixels of all stacks of a series; each file is unpacked once.

    Returns
    -------
    list of Volume
        Stored values (column, row, slot[, repetition]); missing slices are means of their
        neighbours, and never written.

    Raises
    ------
    SeriesError
        Pixels cannot be read, or slices of one stack are scaled in different ways.
    """
    arrays: list[NDArray[Any] | None] = [None] * len(stacks)
    for path, frames in layout_of(stacks).items():
        seen = 0
        for index, pixels in enumerate(read_frames(path)):
            if index not in frames:
                continue
            n, slot = frames[index]
            arrays[n] = _put(arrays[n], stacks[n], slot, pixels, path)
            seen += 1
        if seen < len(frames):
            raise SeriesError(f"{path.name}: it holds fewer frames than its header says.")
    return [
        _volume(stack, array)
        for stack, array in zip(stacks, arrays, strict=True)
        if array is not None
    ]


def _put(
    array: NDArray[Any] | None, stack: Stack, slot: Slot, pixels: NDArray[Any], path: Path
) -> NDArray[Any]:
    if array is None:
        array = np.zeros((*stack.shape, stack.n_repeats), pixels.dtype, order="F")
    if pixels.dtype != array.dtype or pixels.T.shape != array.shape[:2]:
        raise SeriesError(f"{path.name}: its pixels are of another kind than the others'.")
    array[:, :, slot.slot, slot.repeat] = pixels.T
    return array


def _volume(stack: Stack, array: NDArray[Any]) -> Volume:
    scales = {(frame.slope, frame.inter) for frames in stack.frames for frame in frames}
    if len(scales) > 1:
        raise SeriesError(
            "its slices are scaled in different ways (rescale slope or intercept).",
            "Convert the series to NIfTI and deface that.",
        )
    _bridge(array, stack.slots)
    data = array if stack.n_repeats > 1 else array[..., 0]
    slope, inter = scales.pop()
    header = new_header(data, stack.affine)
    header["scl_slope"], header["scl_inter"] = slope, inter
    note = f"{stack.n_missing} missing slices were bridged for the detector"
    return Volume(
        data=data,
        affine=stack.affine,
        prefix=prefix_of(header),
        trailer=b"",
        slope=slope,
        inter=inter,
        notes=(note,) if stack.n_missing else (),
    )


def _bridge(array: NDArray[Any], slots: Sequence[int]) -> None:
    """Fill missing slots in place, in proportion to the slices on both sides."""
    for below, above in pairwise(slots):
        for slot in range(below + 1, above):
            share = (slot - below) / (above - below)
            mean = array[:, :, below] * (1 - share) + array[:, :, above] * share
            array[:, :, slot] = np.rint(mean).astype(array.dtype)


def frames_of(
    places: Mapping[int, tuple[int, Slot]], data: Sequence[NDArray[Any]]
) -> dict[int, NDArray[Any]]:
    """Return what the frames of one file became.

    Parameters
    ----------
    places
        Of this file, from :func:`layout_of`.
    data
        Values of each stack (column, row, slot[, repetition]).

    Returns
    -------
    dict
        Frame number to stored values (row, column).
    """
    return {index: _plane(data[n], slot).T for index, (n, slot) in places.items()}


def _plane(array: NDArray[Any], slot: Slot) -> NDArray[Any]:
    """Return one slice; what has no repetitions holds for all of them."""
    whole = array[:, :, slot.slot]
    return whole[:, :, slot.repeat] if whole.ndim == 3 else whole
