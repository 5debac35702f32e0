from __future__ import annotations

import numpy as np

from bids_deface.anatomy import LABELS, LIMITS
from bids_deface.population import DATA_DIR, average_head, synthetic_head


def test_average_head_is_small_and_complete():
    size = sum(path.stat().st_size for path in DATA_DIR.glob("*.nii.gz"))
    assert size < 3_000_000
    image, dseg, affine = average_head()
    assert image.shape == dseg.shape
    assert set(np.unique(dseg)) == {0, *(label.index for label in LABELS)}
    ml = (dseg == 7).sum() * abs(np.linalg.det(affine[:3, :3])) / 1000
    assert LIMITS.brain_ml[0] < ml < LIMITS.brain_ml[1]


def test_heads_differ_by_seed_and_repeat_by_seed():
    one, same, other = (synthetic_head(np.random.default_rng(s), zoom=2) for s in (1, 1, 2))
    np.testing.assert_array_equal(one.data, same.data)
    assert (one.dseg != other.dseg).mean() > 0.01


def test_same_person_in_another_contrast():
    t1, t2 = (
        synthetic_head(
            np.random.default_rng(5), contrast=c, zoom=2, shape_rng=np.random.default_rng(9)
        )
        for c in ("T1w", "T2w")
    )
    np.testing.assert_array_equal(t1.dseg, t2.dseg)
    assert np.corrcoef(t1.data[t1.dseg == 7], t2.data[t1.dseg == 7])[0, 1] < 0
