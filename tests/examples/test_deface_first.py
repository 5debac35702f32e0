"""The package as a part of somebody else's workflow."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import nibabel as nib
import numpy as np
from nipype import config

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.workflows import init_deface_wf
from tests.conftest import ROOT

EXAMPLE = ROOT / "examples" / "deface_first.py"


def run(folder, head, *options):
    (folder / "t1w.nii.gz").write_bytes(nifti_bytes(head))
    command = [sys.executable, "-W", "ignore", EXAMPLE, "t1w.nii.gz", "brain.nii.gz", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "NIPYPE_CONFIG_DIR": str(folder)}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_what_comes_after_sees_the_defaced_scan_only(tmp_path):
    coarse = synthetic_head(np.random.default_rng(1), zoom=2.5)
    done = run(tmp_path, coarse, "--plugin", "MultiProc")
    assert done.returncode == 0, done.stderr
    assert "@jeong2020" in done.stdout
    assert "skull-stripped" in done.stdout
    (defaced,) = (tmp_path / "work").rglob("deface/file.nii.gz")
    (corrected,) = (tmp_path / "work").rglob("n4/corrected.nii")
    before, after = coarse.data, np.asanyarray(nib.load(defaced).dataobj)
    nose = coarse.dseg == 3
    assert (before[nose] != after[nose]).mean() > 0.5
    ratio = nib.load(corrected).get_fdata()[after > 200] / after[after > 200]
    assert 0.5 < np.median(ratio) < 2, "the defaced scan, but for a smooth field"
    brain = nib.load(tmp_path / "brain.nii.gz").get_fdata() > 0
    assert not brain[nose].any()
    assert brain.sum() > 0.8 * (coarse.dseg == 7).sum()


def test_nothing_goes_on_with_a_scan_that_cannot_be_judged(tmp_path):
    nothing = np.zeros((30, 30, 30), np.int16)
    affine = np.diag([6.0, 6.0, 6.0, 1.0])
    done = run(tmp_path, SyntheticHead(nothing, nothing, affine))
    assert done.returncode != 0
    assert not (tmp_path / "brain.nii.gz").exists()
    assert not list(tmp_path.rglob("corrected.nii"))


def test_building_the_graph_changes_nothing_around_it(tmp_path, monkeypatch):
    """No settings read or set, no file written, and nodes that can be sent to any worker."""
    monkeypatch.chdir(tmp_path)
    before = {**os.environ}, str(config._sections)
    monkeypatch.setattr(os, "environ", {})
    workflow = init_deface_wf(name="one_wf", on_doubt="strict")
    monkeypatch.undo()
    assert ({**os.environ}, str(config._sections)) == before
    assert not list(tmp_path.iterdir())
    nodes = [workflow.get_node(name) for name in ("deface", "plot")]
    assert [node.name for node in pickle.loads(pickle.dumps(nodes))] == ["deface", "plot"]
