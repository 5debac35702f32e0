"""Datasets whose content git-annex has not fetched, as datalad clones them."""

from __future__ import annotations

import pytest

from tests.conftest import command, tree
from tests.dataset.test_bids_examples import planned

LINK = "sub-1/anat/sub-1_T1w.nii.gz"
POINTER = "sub-2/anat/sub-2_T1w.nii.gz"
GOOD = "sub-3/anat/sub-3_T1w.nii.gz"


@pytest.fixture
def annexed(make_bids, head_file):
    """A link without content, a pointer without content, an image with content behind a link."""
    key = "SHA256E-s123--ab.nii.gz"
    pointer = f"/annex/objects/{key}\n".encode()
    raw = make_bids({POINTER: pointer, f".git/annex/objects/{key}": head_file.read_bytes()})
    for name, target in ((LINK, "missing"), (GOOD, key)):
        (raw / name).parent.mkdir(parents=True)
        (raw / name).symlink_to(f"../../.git/annex/objects/{target}")
    return raw


def test_missing_content_is_planned_and_named_and_the_rest_is_done(annexed, tmp_path):
    plan = command(annexed, tmp_path / "o", "participant", "--dry-run")
    assert plan.returncode == 0, plan.stderr
    assert planned(plan.stdout) == [LINK, POINTER, GOOD]
    done = command(annexed, tmp_path / "o", "participant", "--nprocs", "1")
    assert done.returncode == 1, done.stderr
    for name in (LINK, POINTER):
        line = next(line for line in done.stdout.splitlines() if f"{name}: FAIL" in line)
        assert "Run: datalad get" in line
    assert "1 of 3 images passed" in done.stdout
    images = [name for name in tree(tmp_path / "o") if name.endswith("_T1w.nii.gz")]
    assert images == ["sub-3/anat/sub-3_desc-defaced_T1w.nii.gz"]
