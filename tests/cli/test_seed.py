"""A seed that is given is written nowhere, and the user is warned."""

from __future__ import annotations

import gzip
import json

import numpy as np
import pytest

from bids_deface.cli.main import main
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.deface_file import deface_file
from bids_deface.population import synthetic_head
from bids_deface.settings import Seed
from tests.conftest import tree

SEED = 987654321


@pytest.fixture
def run(make_bids, tmp_path, monkeypatch):
    """The output of a seeded run in which one image passes and another crashes."""
    monkeypatch.setenv("NIPYPE_CONFIG_DIR", str(tmp_path))
    content = nifti_bytes(synthetic_head(np.random.default_rng(7), zoom=2))
    raw = make_bids(
        {f"sub-{subject}/anat/sub-{subject}_T1w.nii.gz": content for subject in ("1", "2")}
    )
    honest = deface_file

    def fail(path, settings, *args, **kwargs):
        if "sub-2" in str(path):
            raise RuntimeError(f"a bug with {settings}")
        return honest(path, settings, *args, **kwargs)

    monkeypatch.setattr("bids_deface.interfaces.deface.deface_file", fail)
    out = tmp_path / "out"
    arguments = [raw, out, "participant", "--random-seed", SEED]
    # In this process, which is the one that was tampered with.
    arguments += ["--nipype-plugin", "Linear"]
    assert main([*map(str, arguments), "-w", str(tmp_path / "work")]) == 1
    return out


def test_a_seed_is_in_no_file_of_the_output(run):
    files = tree(run)
    crash = [text for name, text in files.items() if name.startswith("private/logs/crash")]
    assert len(crash) == 1
    assert b"random_seed = hidden" in crash[0]
    assert b"a bug with DefaceSettings" in crash[0]
    for name, content in files.items():
        plain = gzip.decompress(content) if name.endswith(".gz") else content
        assert str(SEED).encode() not in plain, name
        assert SEED.to_bytes(4, "little") not in plain, name
    sidecar = json.loads(files["sub-1/anat/sub-1_desc-defaced_T1w.json"])
    assert "the random fill can be repeated by whoever knows its seed" in "".join(sidecar["Notes"])


def test_a_seed_is_a_number_that_is_not_told():
    seed = Seed(SEED)
    assert seed == SEED
    draws = [np.random.default_rng(s).random() for s in (seed, SEED)]
    assert draws[0] == draws[1]
    assert {repr(seed), str(seed), f"{seed}", f"{seed:d}"} == {"hidden"}
