"""The tutorial of docs/training.md: its very commands teach a chin, and hide one."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys

import nibabel as nib
import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.population import synthetic_head
from tests.conftest import ROOT, command
from tests.own_features import example

MODULES = {
    "bids-deface-train": "bids_deface.cli.train",
    "bids-deface-image": "bids_deface.cli.image",
}


def tutorial() -> list[list[str]]:
    """Return the commands between the marks of the page."""
    text = (ROOT / "docs" / "training.md").read_text()
    (block,) = re.findall(r"<!-- tutorial -->\n```\n(.*?)```", text, re.DOTALL)
    return [shlex.split(line) for line in block.replace("\\\n", " ").splitlines() if line]


@pytest.mark.slow
def test_the_commands_of_the_tutorial_hide_a_chin(tmp_path):
    for name, *arguments in tutorial():
        if name == "python":
            script, *rest = arguments
            done = subprocess.run(
                [sys.executable, ROOT / script, *rest],
                capture_output=True,
                text=True,
                check=False,
                cwd=tmp_path,
            )
        else:
            done = command(*arguments, module=MODULES[name], cwd=tmp_path)
        assert done.returncode == 0, (name, arguments, done.stderr)
    before, after, mask = (
        np.asarray(nib.load(tmp_path / name).dataobj)
        for name in ("chins/sub-01/anat/sub-01_T1w.nii.gz", "defaced.nii.gz", "mask.nii.gz")
    )
    head = synthetic_head(np.random.default_rng(1), zoom=1.34)
    chin = example().chin_of(head)
    # Seen from the front: skin of the chin that is as it was.
    foremost = chin & (np.cumsum(chin[:, ::-1], axis=1)[:, ::-1] <= 1)
    changed = before != after
    assert changed[foremost].mean() > 0.8
    assert not changed[head.dseg == BRAIN].any()
    assert not changed[mask == 0].any()
