"""The comparison with other programs, with stand-ins on PATH that do what they are told."""

from __future__ import annotations

import importlib
import sys

import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import synthetic_head
from tests.conftest import ROOT

#: Takes the front third of the head away, and forgets the data type.
SHEAR = """
import sys, nibabel as nib, numpy as np
scan, mask, out = sys.argv[1:4]
image = nib.load(scan)
data = np.asanyarray(image.dataobj).astype(np.float32)
brain = np.asanyarray(nib.load(mask).dataobj)
front = np.argwhere(brain)[:, 1].max()
data[:, front + 4:, :] = 0
inside = np.argwhere(brain)
data[tuple(inside[len(inside) // 2])] += 7
image.header["descrip"] = b"sheared"
image.set_data_dtype(np.float32)
nib.save(nib.Nifti1Image(data, image.affine, image.header), out)
"""
FAIL = "import sys\nprint('no licence was found')\nsys.exit(3)"
SILENT = "pass"
SLEEP = "import time\ntime.sleep(600)"


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    """A made-up head, 3 mm."""
    path = tmp_path_factory.mktemp("scan") / "sub-1" / "anat" / "sub-1_T1w.nii.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(nifti_bytes(synthetic_head(np.random.default_rng(0), zoom=2.0)))
    return path


@pytest.fixture
def peers(tmp_path, monkeypatch, capsys):
    """Return a function that compares the programs on PATH, and returns what was printed."""

    def compare(programs, *arguments):
        for name, text in programs.items():
            (tmp_path / name).write_text(f"#!{sys.executable}\n{text}\n")
            (tmp_path / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        monkeypatch.syspath_prepend(ROOT / "benchmarks")
        monkeypatch.setattr(sys, "argv", ["peers.py", *map(str, arguments)])
        importlib.import_module("peers").main()
        return capsys.readouterr().out

    return compare


def rows(said):
    """Return the table: program to column to cell."""
    lines = [line for line in said.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return {row[0]: dict(zip(cells[0], row, strict=False)) for row in cells[1:]}


def test_programs_are_measured_and_failures_are_told(peers, scan, tmp_path):
    programs = {"quickshear": SHEAR, "fsl_deface": FAIL, "mideface": SILENT, "pydeface": SLEEP,
                "flirt": SILENT}  # fmt: skip
    names = ("quickshear", "fsl_deface", "MiDeFace", "pydeface", "mri_deface")
    said = peers(programs, scan, "--only", *names, "--timeout", "6")
    table = rows(said)
    sheared = table["quickshear"]
    assert sheared["scans"] == "1 of 1"
    assert sheared["brain voxels changed"] == "1"
    assert 0.5 < float(sheared["head voxels changed"].rstrip(" %")) < 20
    assert "int16 to float32 (1)" in sheared["also changed"]
    assert "header: descrip" in sheared["also changed"]
    assert float(sheared["seconds"]) > 0.1
    assert float(sheared["peak MiB"]) > 20
    ears = sheared["skin of ears as it was / to review"]
    assert float(ears.partition(" %")[0]) > 90
    assert ears.endswith("/ 1")
    assert float(sheared["skin of nose as it was / to review"].partition(" %")[0]) < 70
    assert table["fsl_deface"]["scans"] == "0 of 1"
    assert "fsl_deface: exit code 3: no licence was found (1 of 1 scans)" in said
    assert "MiDeFace: it wrote no result" in said
    assert "pydeface: not done after 6 s" in said
    assert "mri_deface: not installed (no mri_deface, talairach" in said
    assert str(tmp_path) not in said


def test_with_no_other_program_ours_stands_alone(peers, scan):
    said = peers({}, scan.parents[2])
    ((name, ours),) = rows(said).items()
    assert name == "bids-deface"
    assert ours["also changed"] == "nothing"
    assert float(ours["skin of ears as it was / to review"].partition(" %")[0]) < 10
    assert ours["brain voxels changed"] == "0"
    assert "No other program was found" in said
    for other in ("pydeface", "quickshear", "MiDeFace", "afni_refacer", "fsl_deface"):
        assert f"{other}: not installed" in said


def test_there_must_be_scans(peers, tmp_path):
    with pytest.raises(SystemExit, match="no scans in"):
        peers({}, tmp_path)
