"""The page that is committed is the one that its sources make."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from bids_deface.review.app import STATIC
from tests.conftest import ROOT, tree

FRONTEND = ROOT / "frontend"


def texts(folder):
    """Return the files of a folder, line ends as they are in the repository."""
    return {name: content.replace(b"\r\n", b"\n") for name, content in tree(folder).items()}


@pytest.mark.slow
def test_a_fresh_build_is_the_same(tmp_path):
    node, npm = shutil.which("node"), shutil.which("npm")
    if not (node and npm):
        pytest.skip("no node and npm on the PATH")
    if not (FRONTEND / "node_modules").is_dir():
        copy = tmp_path / "frontend"
        shutil.copytree(FRONTEND, copy)
        command = [npm, "ci", "--ignore-scripts", "--silent"]
        done = subprocess.run(command, cwd=copy, capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"npm cannot get the packages here: {done.stderr[-200:]}")
    else:
        copy = FRONTEND
    built = tmp_path / "static"
    build = [node, "build.mjs", str(built)]
    subprocess.run(build, cwd=copy, check=True, env={**os.environ, "NO_COLOR": "1"})
    assert sorted(texts(built)) == sorted(texts(STATIC)), "run tools/build-ui.sh"
    assert texts(built) == texts(STATIC), "run tools/build-ui.sh"


def test_the_lock_file_names_no_place_and_holds_checksums():
    lock = json.loads((FRONTEND / "package-lock.json").read_text())
    packages = {name: one for name, one in lock["packages"].items() if name}
    assert all("resolved" not in one and one["integrity"] for one in packages.values())
    assert "http" not in "".join(str(one.get("version")) for one in packages.values())


def test_the_bundle_asks_nobody_else_and_names_its_licences():
    main = (STATIC / "main.js").read_text()
    assert "http://" not in main
    assert "https://" not in main
    told = (STATIC / "licences.txt").read_text()
    for name in ("@niivue/niivue 0.69.0: BSD-2-Clause", "gl-matrix", "fflate", "nifti-reader-js"):
        assert name in told
