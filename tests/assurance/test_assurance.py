from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import ALL_FEATURES, BRAIN, FacialFeature
from bids_deface.assurance.brain import ChangeCount, count_changes, protected_in
from bids_deface.assurance.verdict import Decision, RegionEvidence, decide

GOOD = tuple(RegionEvidence(index, True, "", 5.0) for index in range(1, 7))
NONE = ChangeCount(100, 0, 0)


def test_protected_in_is_the_brain_and_its_margin():
    dseg = np.zeros((30, 30, 30), np.uint8)
    dseg[10:20, 10:20, 10:20] = BRAIN
    out = protected_in((slice(0, 30),) * 3, dseg, 3.0, np.ones(3))
    assert out[7, 15, 15]
    assert not out[6, 15, 15]
    beside = protected_in((slice(0, 9), slice(5, 25), slice(5, 25)), dseg, 3.0, np.ones(3))
    np.testing.assert_array_equal(beside, out[:9, 5:25, 5:25])


@pytest.mark.parametrize("dtype", ["u1", "i2", "f4", "f8", "c8", "c16"])
def test_changes_are_counted_bit_by_bit(dtype):
    before = np.ones((4, 4, 4, 2), dtype)
    after = before.copy()
    after[0, 0, 0, 1] = 2
    after[3, 3, 3, 0] = 2
    mask, brain = np.zeros((2, 4, 4, 4), bool)
    mask[0, 0, 0] = True
    brain[3, 3, 3] = True
    assert count_changes(before, after, mask.__getitem__, brain.__getitem__) == ChangeCount(
        2, 1, 1
    )


def test_nan_that_stays_nan_is_no_change():
    before = np.full((2, 2, 2), np.nan, np.float32)
    none = np.zeros((2, 2, 2), bool)
    assert count_changes(before, before.copy(), none.__getitem__, none.__getitem__).changed == 0


def test_verdicts():
    assert decide(GOOD, ALL_FEATURES, NONE).decision is Decision.PASS
    assert decide(GOOD, ALL_FEATURES, ChangeCount(9, 0, 1)).decision is Decision.FAIL
    assert decide(GOOD, ALL_FEATURES, ChangeCount(9, 1, 0)).decision is Decision.FAIL
    missed = (*GOOD[:2], RegionEvidence(3, True, "nose was not found", 0.0), *GOOD[3:])
    verdict = decide(missed, ALL_FEATURES, NONE)
    assert verdict.decision is Decision.REVIEW
    assert verdict.reasons == ("nose was not found",)
    assert decide(missed, (FacialFeature.EYES,), NONE).decision is Decision.PASS
    thin = (*GOOD[:5], RegionEvidence(6, True, "", 0.1))
    assert decide(thin, ALL_FEATURES, NONE).decision is Decision.REVIEW
    gone = (*GOOD[:5], RegionEvidence(6, False, "", 0.0))
    assert decide(gone, ALL_FEATURES, NONE).decision is Decision.PASS
