"""Frames into stacks: pure geometry."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bids_deface.dicom.frames import Component, Frame, check_plane
from bids_deface.dicom.stacking import stack_frames
from bids_deface.errors import SeriesError

OBLIQUE = np.linalg.qr(np.array([[0.9, 0.1, 0.2], [-0.2, 0.95, 0.1], [-0.1, -0.15, 0.9]]))[0]
OBLIQUE = OBLIQUE * np.sign(np.linalg.det(OBLIQUE))


def frame(k: float, *, number: int = 0, turn: np.ndarray = OBLIQUE, **changes: object) -> Frame:
    """One slice at k steps of 1.2 mm."""
    made = Frame(
        Path(f"{number}.dcm"), 0, (64, 48), tuple(turn[:, 2] * 1.2 * k + [10.0, 20.0, 30.0]),
        tuple(turn[:, 0]), tuple(turn[:, 1]), (0.9, 1.1), order=(0, 0, number),
    )  # fmt: skip
    return replace(made, **changes)


def shuffled(frames: list[Frame]) -> list[Frame]:
    return [frames[n] for n in np.random.default_rng(0).permutation(len(frames))]


def test_slices_are_sorted_by_place_not_by_number() -> None:
    frames = shuffled([frame(k, number=20 - k) for k in range(20)])
    (stack,) = stack_frames(frames)
    assert [f.order[2] for (f,) in stack.frames] == list(range(20, 0, -1))
    assert stack.shape == (64, 48, 20)
    assert stack.n_missing == 0


def test_affine_leads_from_voxel_to_world() -> None:
    (stack,) = stack_frames([frame(k) for k in range(12)])
    lps = OBLIQUE @ [0.9 * 5, 1.1 * 7, 1.2 * 9] + [10.0, 20.0, 30.0]
    assert np.allclose(stack.affine @ [5, 7, 9, 1], [-lps[0], -lps[1], lps[2], 1], atol=1e-6)


def test_missing_slices_are_known() -> None:
    (stack,) = stack_frames([frame(k) for k in range(40) if k not in (13, 14)])
    assert stack.n_missing == 2
    assert stack.shape[2] == 40
    assert 13 not in stack.slots
    assert np.allclose(stack.affine[:3, 2] @ stack.affine[:3, 2], 1.2**2)


@pytest.mark.parametrize(
    ("frames", "says"),
    [
        ([frame(k) for k in range(40) if k not in (13, 14, 15, 16)], "4 slices are missing"),
        ([frame(k) for k in range(40) if k % 5 or k < 5], "slices are missing"),
        ([frame(k * 1.04**k) for k in range(20)], "mm apart"),
        ([frame(k) for k in range(5)], "too thin"),
        ([*(frame(k) for k in range(20)), frame(3, number=7)], "hold 1 images and others 2"),
    ],
    ids=["gap", "many gaps", "uneven", "few", "extra"],
)  # fmt: skip
def test_what_is_no_volume_is_refused(frames: list[Frame], says: str) -> None:
    with pytest.raises(SeriesError, match=says):
        stack_frames(frames)


def test_tilted_gantry_is_refused() -> None:
    def tilted(k: int) -> Frame:
        made = frame(k)
        return replace(made, position=tuple(made.position + OBLIQUE[:, 1] * 0.3 * k))

    with pytest.raises(SeriesError, match=r"gantry tilt of 14\.0 degrees"):
        stack_frames([tilted(k) for k in range(20)])


def test_echoes_are_stacks_of_their_own() -> None:
    frames = [frame(k, contrast=("M", te)) for k in range(15) for te in (2.0, 4.0, 6.0)]
    stacks = stack_frames(shuffled(frames))
    assert len(stacks) == 3
    assert all(len({f.contrast for (f,) in stack.frames}) == 1 for stack in stacks)
    assert stacks[0].shape == stacks[1].shape
    assert np.allclose(stacks[0].affine, stacks[1].affine, atol=0.01)


def test_a_value_that_changes_along_the_stack_is_no_contrast() -> None:
    (stack,) = stack_frames([frame(k, contrast=("M", k % 3)) for k in range(15)])
    assert stack.shape[2] == 15


def test_repetitions_keep_their_order() -> None:
    frames = [frame(k, number=t * 100 + k, order=(t, 0, 0)) for k in range(12) for t in (2, 1, 3)]
    (stack,) = stack_frames(shuffled(frames))
    assert stack.n_repeats == 3
    assert [f.order[0] for f in stack.frames[4]] == [1, 2, 3]


def test_magnitude_comes_first() -> None:
    frames = [
        frame(k, component=part)
        for k in range(12)
        for part in (Component.PHASE, Component.MAGNITUDE)
    ]
    stacks = stack_frames(frames)
    assert [stack.shows_tissue for stack in stacks] == [True, False]


def test_three_planes_are_refused() -> None:
    planes = [OBLIQUE, OBLIQUE[:, [1, 2, 0]], OBLIQUE[:, [2, 0, 1]]]
    with pytest.raises(SeriesError, match="localiser"):
        stack_frames([frame(k, turn=turn) for turn in planes for k in range(4)])


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"position": (0.0, float("nan"), 0.0)}, "no number"),
        ({"spacing": (0.0, 1.0)}, "not above zero"),
        ({"along_row": (0.5, 0.0, 0.0)}, "right angles"),
        ({"along_row": tuple(OBLIQUE[:, 1])}, "right angles"),
        ({"slope": 0.0}, "slope is zero"),
    ],
)
def test_impossible_planes_are_told(changes: dict[str, object], says: str) -> None:
    assert says in check_plane(frame(0, **changes))
    assert check_plane(frame(0)) == ""
