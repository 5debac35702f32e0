"""Wheel and sdist: the same bytes each time, all that a run needs, nothing else."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes

import pytest

from bids_deface import __version__
from tests.conftest import ROOT

#: All kinds of files that a run or a reader needs.
ENDINGS = {
    ".py", ".safetensors", ".sha256", ".gz", ".html", ".css", ".js", ".toml", ".txt", ".md",
    ".png",
}  # fmt: skip
SOURCES = ["bids_deface", "frontend", "tests", "docs", "benchmarks", "tools", "requirements"]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Two builds, from copies of the sources at different places and times."""
    pytest.importorskip("hatchling")
    folders = []
    for n in range(2):
        place = tmp_path_factory.mktemp(f"build{n}")
        copy_sources(place / "src")
        # What lies about in a working copy must not get in.
        cache = place / "src" / "bids_deface" / "__pycache__"
        cache.mkdir(exist_ok=True)
        (cache / "x.cpython-311.pyc").write_bytes(b"x" * n)
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-d", str(place / "dist")],
            cwd=place / "src", check=True, capture_output=True,
            env={"SOURCE_DATE_EPOCH": "1700000000", "PATH": "/usr/bin:/bin"},
        )  # fmt: skip
        folders.append(place / "dist")
    return folders


def copy_sources(place):
    place.mkdir()
    for name in SOURCES:
        shutil.copytree(
            ROOT / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules")
        )
    for path in ROOT.iterdir():
        if path.is_file() and path.name != ".git":
            shutil.copyfile(path, place / path.name)


def test_two_builds_are_the_same_bytes(built):
    first, second = ({p.name: p.read_bytes() for p in sorted(f.iterdir())} for f in built)
    assert sorted(first) == [
        f"bids_deface-{__version__}-py3-none-any.whl",
        f"bids_deface-{__version__}.tar.gz",
    ]
    assert first == second


def test_the_wheel_holds_the_package_and_nothing_else(built):
    with zipfile.ZipFile(next(built[0].glob("*.whl"))) as wheel:
        names = wheel.namelist()
        scripts = wheel.read(next(n for n in names if n.endswith("entry_points.txt"))).decode()
    own = {name for name in names if ".dist-info/" not in name}
    on_disk = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "bids_deface").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert own == on_disk
    assert {f".{name.rpartition('.')[2]}" for name in own} <= ENDINGS
    for needed in (
        "bids_deface/detection/weights/head-attunet-2mm.safetensors",
        "bids_deface/data/average_head.nii.gz",
        "bids_deface/reports/templates/group.html",
        "bids_deface/review/static/index.html",
        "bids_deface/review/static/licences.txt",
    ):
        assert needed in own
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert all(f"{name} = {place}" in scripts for name, place in wanted.items())


def test_the_sdist_holds_the_sources_and_nothing_else(built):
    with tarfile.open(next(built[0].glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    allowed = (*(f"{name}/" for name in SOURCES), "PKG-INFO", ".gitignore")
    files = {p.name for p in ROOT.iterdir() if p.is_file()}
    strange = [n for n in names if not n.startswith(allowed) and n not in files]
    assert strange == []
    assert not [n for n in names if "__pycache__" in n or n.startswith(".")] or names >= {
        "tests/conftest.py"
    }
    assert {"LICENSE", "NOTICE", "tests/conftest.py", "tools/check.py"} <= names


def test_the_licences_go_with_the_wheel(built):
    with zipfile.ZipFile(next(built[0].glob("*.whl"))) as wheel:
        names = wheel.namelist()
        metadata = message_from_bytes(wheel.read(next(n for n in names if n.endswith("METADATA"))))
    assert metadata["License-Expression"] == "Apache-2.0"
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {
        "LICENSE",
        "NOTICE",
    }


def test_extras_are_those_of_the_readme():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = set(project["optional-dependencies"])
    assert extras == {"dicom", "ui", "recogniser", "mediapipe", "all", "docs", "test"}
    readme = (ROOT / "README.md").read_text()
    assert all(f"bids-deface[{extra}]" in readme for extra in ("dicom", "recogniser", "ui"))
