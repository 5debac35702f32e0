"""Every block of commands and of Python in the pages is run, on coarse heads.

Paths at the root (/data, /out) become folders of the test. Docker, Apptainer and pip are replaced
by stand-ins (``standins.py``). The blocks about SLURM run in ``tests/slurm``.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import synthetic_head
from tests.conftest import ROOT, command
from tests.dicom.made import sagittal, write_series
from tests.packaging import standins
from tests.packaging.test_docs import name_of
from tests.pages import PAGES, README, blocks
from tests.running import coarse_dataset, doubtful_head, t1w

#: What is run elsewhere: the test command itself in ``.ci/run``, the demo in
#: ``tests/cli/test_run.py``, SLURM in ``tests/slurm``, the page, which does not end by itself, in
#: ``tests/review``.
ELSEWHERE = re.compile(
    r"tools/check\.py|bids-deface-demo demo|\bsbatch\b|--nipype-plugin SLURM|"
    r"^export BIDS_DEFACE=|bids-deface-ui /"
)


def blocks_to_run() -> dict[Path, list[tuple[str, str]]]:
    """Return the blocks of each page, language first; what another page says, too, is run once."""
    found: dict[Path, list[tuple[str, str]]] = {}
    seen: set[str] = set()
    for path in (README, *PAGES):
        for language in ("sh", "python"):
            for block in blocks(path.read_text(), language):
                said = commands_of(block) if language == "sh" else {block}
                if not said <= seen and not ELSEWHERE.search(block):
                    found.setdefault(path, []).append((language, block))
                seen |= said
    return found


def commands_of(block: str) -> set[str]:
    """Return the commands of a block without comments, whatever folder they are called from."""
    lines = re.sub(r" *\\\n\s*|#.*| {2,}", " ", block).replace(".venv/bin/", "").splitlines()
    return {part.strip() for line in lines for part in line.split("&&")} - {""}


RUN = blocks_to_run()
#: One of the scans awaits review, which is exit code 1; anything else ends the block.
SHELL = "set -u -o pipefail\ntrap 'code=$?; [ $code = 1 ] || exit $code' ERR\n"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="blocks for a POSIX shell"),
]


@pytest.fixture(scope="module")
def bin_folder(tmp_path_factory) -> Path:
    """Return a folder with the stand-ins."""
    folder = tmp_path_factory.mktemp("bin")
    for name in ("docker", "apptainer", "pip", "python3.11"):
        path = folder / name
        path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{standins.__file__}" {name} "$@"\n')
        path.chmod(0o755)
    return folder


@pytest.fixture(scope="module")
def done(tmp_path_factory) -> Path:
    """Return a folder with a dataset, of which a scan awaits review, and its derivatives."""
    folder = tmp_path_factory.mktemp("done")
    coarse_dataset(folder / "data", {"01": 2.0})
    for session in ("pre", "post"):
        path = folder / "data" / "sub-02" / f"ses-{session}" / "anat"
        path.mkdir(parents=True)
        image = nifti_bytes(doubtful_head())
        (path / f"sub-02_ses-{session}_T1w.nii.gz").write_bytes(image)
    run = command(folder / "data", folder / "out", "participant")
    assert run.returncode == 1, run.stdout + run.stderr
    return folder


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> Path:
    """Return a folder with as many heads as an identity test needs, and derivatives of these."""
    folder = tmp_path_factory.mktemp("many")
    subjects = [f"{number:02d}" for number in range(1, 6)]
    coarse_dataset(folder / "data", dict.fromkeys(subjects, 2.0))
    for subject in subjects:
        path = folder / "out" / t1w(subject).replace("_T1w", "_desc-defaced_T1w")
        path.parent.mkdir(parents=True)
        path.hardlink_to(folder / "data" / t1w(subject))
        sidecar = {"Sources": [f"bids:raw:{t1w(subject)}"]}
        Path(str(path).replace(".nii.gz", ".json")).write_text(json.dumps(sidecar))
    return folder


@pytest.fixture
def stage(done, many, tmp_path, bin_folder) -> Path:
    """Return a folder with all that the pages name."""
    head = synthetic_head(np.random.default_rng(1), zoom=2.0)
    (tmp_path / "my").mkdir()
    for source, name in (
        (done / "data", "data"), (done / "out", "out"), (done / "data", "my/raw"),
        (many, "many"),
    ):  # fmt: skip
        shutil.copytree(source, tmp_path / name)
    for folder in ("my/out", "scratch", "here/scans", "here/tools"):
        (tmp_path / folder).mkdir(parents=True)
    data, affine = sagittal(head)
    # Nothing below the nose: it awaits review.
    write_series(tmp_path / "dicom", data[:, : data.shape[1] // 2], affine)
    write_series(tmp_path / "here" / "scans", data, affine)
    for name, contrast in (("T1w", "T1w"), ("T2w", "T2w"), ("scans/one", "T1w")):
        head = synthetic_head(
            np.random.default_rng(1), zoom=2.0, contrast=contrast,
            shape_rng=np.random.default_rng(2),
        )  # fmt: skip
        (tmp_path / "here" / f"{name}.nii.gz").write_bytes(nifti_bytes(head))
    (tmp_path / "here" / "corrections.json").write_text(json.dumps(corrections()))
    build = tmp_path / "here" / "tools" / "build-image.sh"
    shutil.copy(bin_folder / "docker", build)
    build.write_text(build.read_text().replace(" docker ", " build-image.sh "))
    return tmp_path


def corrections() -> dict:
    """Return what a reviewer says of the first subject's nose: it is where it is."""
    head = synthetic_head(np.random.default_rng(0), zoom=2.0)
    ijk = np.argwhere(head.dseg == 3)
    places = ijk @ head.affine[:3, :3].T + head.affine[:3, 3]
    nose = {"CentreMm": places.mean(axis=0).tolist(), "RadiiMm": [20, 20, 30]}
    return {"Corrections": {t1w("01"): {"Features": {"nose": nose}}}}


def staged(block: str, stage: Path) -> str:
    """Put folders of the test in place of those at the root."""
    heads = "many" if "bids-deface-evaluate" in block else "."
    text = re.sub(r"(?<![\w./-])/(?=(data|out)\b)", f"{stage / heads}/", block)
    return re.sub(r"(?<![\w./-])/(?=(dicom|defaced|rates|scratch|my)\b)", f"{stage}/", text)


@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_blocks_can_be_run(path, stage, bin_folder):
    commands = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{bin_folder}:{commands}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(stage),
    }
    for number, (language, block) in enumerate(RUN[path]):
        here = stage / f"here-{number}"
        shutil.copytree(stage / "here", here)
        text = staged(block, stage)
        words = ["bash", "-c", SHELL + text] if language == "sh" else [sys.executable, "-c", text]
        run = subprocess.run(
            words, cwd=here, env=environment, capture_output=True, text=True, check=False,
            timeout=600,
        )  # fmt: skip
        told = f"{block}\n{run.stdout}\n{run.stderr}"
        assert run.returncode in ({0, 1} if language == "sh" else {0}), told
        assert "Traceback" not in run.stderr, told
