from __future__ import annotations

import numpy as np
import pytest

from bids_deface.assurance.residues import (
    LIMITS,
    Residue,
    doubts_of_residues,
    measure_residues,
)
from bids_deface.heights import crossing_height

ZOOMS = np.full(3, 2.0)


def plate(bump_mm=0.0, radius_mm=14.0, rough_mm=0.0):
    """Return a slab of tissue that faces forward, with a bump and its label (the nose)."""
    i, k = np.indices((60, 60))
    away = np.hypot(i - 30, k - 30) * 2
    height = 40.0 + bump_mm / 2 * np.clip(1 - away / radius_mm, 0, 1)
    height += rough_mm / 2 * (-1.0) ** (i // 2)
    image = np.clip(height[:, None, :] - np.arange(60)[None, :, None] + 0.5, 0, 1)
    dseg = np.zeros(image.shape, np.uint8)
    dseg[:, 38:48][np.broadcast_to((away < radius_mm)[:, None, :], (60, 10, 60))] = 3
    return image.astype(np.float32), dseg


@pytest.mark.parametrize("bump_mm", [0.0, 6.0, 20.0])
def test_height_is_that_of_the_bump(bump_mm):
    image, dseg = plate(bump_mm)
    residue = measure_residues(image, dseg, ZOOMS, 0.5, {3: 0.7})[3]
    assert residue.height_mm == pytest.approx(0.86 * bump_mm, abs=1.0)
    assert residue.relief_mm < 0.2 + bump_mm / 6
    assert residue.tissue_ml == 0.7


def test_relief_is_roughness():
    image, dseg = plate(rough_mm=2.0)
    assert measure_residues(image, dseg, ZOOMS, 0.5, {})[3].relief_mm == pytest.approx(2, abs=0.3)


def test_on_a_new_face_only_relief_that_runs_with_the_old_one_counts():
    old, dseg = plate(rough_mm=2.0)
    flat = plate()[0]

    def left(image, old=old):
        return measure_residues(image, dseg, ZOOMS, 0.5, {}, (old, 0.5))[3].relief_mm

    whole = left(old)
    assert whole == pytest.approx(
        measure_residues(old, dseg, ZOOMS, 0.5, {})[3].relief_mm, rel=0.1
    )
    assert left(plate(rough_mm=1.0)[0]) == pytest.approx(whole / 2, rel=0.1)
    assert left(plate(rough_mm=-1.0)[0]) == pytest.approx(whole / 2, rel=0.1), "a cast tells, too"
    # Steps along the other axis: the slices', or the new face's own.
    steps = np.ascontiguousarray(old.transpose(2, 1, 0))
    assert measure_residues(steps, dseg, ZOOMS, 0.5, {})[3].relief_mm > 1.5
    assert left(steps) < 0.3
    assert left(flat) < 0.1
    # What is left in one half is no less for the other half's being gone.
    for half in (np.arange(60) < 30, np.arange(60) >= 30):
        for shape in ((60, 1, 1), (1, 1, 60)):
            assert left(np.where(half.reshape(shape), old, flat)) > 0.8 * whole
    # Where nobody knows what the old skin was like, all relief counts.
    unknown = np.where((np.arange(60) < 32)[None, None, :], np.float32(0), old)
    assert left(steps, unknown) > 1.5


def test_the_old_head_has_a_threshold_of_its_own():
    old, dseg = plate(rough_mm=2.0)
    dim = 0.2 * old
    left = measure_residues(old, dseg, ZOOMS, 0.5, {}, (dim, 0.1))[3].relief_mm
    assert left == pytest.approx(
        measure_residues(old, dseg, ZOOMS, 0.5, {}, (old, 0.5))[3].relief_mm
    )


def test_specks_in_the_air_are_no_skin():
    image, dseg = plate()
    image[30, 55, 30] = 1
    assert measure_residues(image, dseg, ZOOMS, 0.5, {})[3].height_mm < 1


def test_a_region_without_skin_has_no_residue():
    image, dseg = plate()
    assert measure_residues(np.zeros_like(image), dseg, ZOOMS, 0.5, {}) == {}


def test_crossings_lie_between_voxels():
    image = np.array([[[1.0, 1.0, 0.75, 0.0]]])
    assert crossing_height(image, image > 0.5, 0.5)[0, 0] == pytest.approx(2 + 1 / 3)
    assert crossing_height(image * 0, image < 0, 0.5)[0, 0] == -1


def test_what_is_left_is_told_in_words():
    nose, ear = Residue(3, 12.0, 0.3, 0.0), Residue(4, 2.0, 0.5, 6.0)
    assert doubts_of_residues([nose, ear]) == (
        "the nose still stands out by 12 mm",
        "6.0 ml of the left ear are as they were",
    )
    assert doubts_of_residues([Residue(1, 9.0, 1.4, 5.0)]) == (
        "the surface at the left eye keeps 1.4 mm of relief",
    )
    assert not doubts_of_residues(Residue(i, 0.0, 0.0, 0.0) for i in LIMITS)
