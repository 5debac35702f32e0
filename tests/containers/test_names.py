from __future__ import annotations

from pathlib import Path

import pytest

from bids_deface.containers.names import container_of, files_of, split_name
from bids_deface.kinds import Container


@pytest.mark.parametrize(
    ("name", "container", "parts", "files"),
    [
        ("a.b.nii", Container.NIFTI, ("a.b", ".nii"), ["a.b.nii"]),
        ("a.nii.gz", Container.NIFTI, ("a", ".nii.gz"), ["a.nii.gz"]),
        ("a.img", Container.PAIR, ("a", ".img"), ["a.hdr", "a.img"]),
        ("a.hdr.gz", Container.PAIR, ("a", ".hdr.gz"), ["a.hdr.gz", "a.img.gz"]),
        ("a.mgz", Container.MGH, ("a", ".mgz"), ["a.mgz"]),
        ("a.mgh.gz", Container.MGH, ("a", ".mgh.gz"), ["a.mgh.gz"]),
        ("a.mnc", None, ("a", ".mnc"), ["a.mnc"]),
        ("a", None, ("a", ""), ["a"]),
    ],
)
def test_names_tell_the_kind(name, container, parts, files):
    path = Path("folder", name)
    assert container_of(path) is container
    assert split_name(path) == parts
    assert files_of(path) == tuple(Path("folder", file) for file in files)
