"""What can be said of Dockerfile, Singularity.def and lock files without building anything."""

from __future__ import annotations

import re
import shutil
import subprocess
import tomllib

import pytest

from bids_deface import __version__
from bids_deface.cli.boutiques import IMAGE
from tests.conftest import ROOT

LOCKS = ("image", "build")
PIN = re.compile(r"^([a-z0-9._-]+)==(\S+)(?: ; .*)? \\$", re.MULTILINE)


def lock(name: str) -> str:
    return (ROOT / "requirements" / f"{name}.lock").read_text()


def direct(*extras: str) -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in extras:
        wanted += project["optional-dependencies"][extra]
    return {re.split(r"[><=\[]", one)[0].lower().replace("_", "-") for one in wanted}


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_hashes_and_names_no_place(name):
    text = lock(name)
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|@ ", text)
    pins = PIN.findall(text)
    assert pins
    blocks = re.split(r"^(?=[a-z0-9])", text, flags=re.MULTILINE)[1:]
    assert len(blocks) == len(pins), "each line that names a package is a pin"
    assert all(re.search(r"--hash=sha256:[0-9a-f]{64}", block) for block in blocks)


def test_the_image_has_all_that_the_package_needs():
    pinned = {name for name, _ in PIN.findall(lock("image"))}
    assert direct("dicom") - pinned == {"torch"}, "torch has a file of its own"
    torch = (ROOT / "requirements" / "torch.txt").read_text().strip()
    assert torch.startswith("torch==")
    assert torch in (ROOT / ".ci" / "run").read_text()
    assert torch in (ROOT / "README.md").read_text()
    assert "hatchling" in {name for name, _ in PIN.findall(lock("build"))}


def test_versions_agree():
    assert f"ARG VERSION={__version__}\n" in (ROOT / "Dockerfile").read_text()
    assert f"image.version {__version__}\n" in (ROOT / "Singularity.def").read_text()
    assert f"bids-deface:{__version__}" == IMAGE
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text()


def test_both_images_start_from_one_base_and_install_in_one_way():
    docker, singularity = ((ROOT / n).read_text() for n in ("Dockerfile", "Singularity.def"))
    base = re.search(r"^ARG BASE=(.*)$", docker, re.MULTILINE)[1]
    assert f"From: {base}\n" in singularity
    for step in ("dependencies", "program"):
        assert f"install-app.sh {step}" in docker
        assert f"install-app.sh {step}" in singularity
    copied = re.findall(r"^ {4}(\S+) /src/", singularity, re.MULTILINE)
    ignored = (ROOT / ".dockerignore").read_text()
    assert all((ROOT / name).exists() and f"!{name}" in ignored for name in copied)
    for section in ("help", "runscript", "test", "labels", "environment"):
        assert f"\n%{section}\n" in singularity


@pytest.mark.skipif(shutil.which("sh") is None, reason="no shell")
def test_the_shell_in_both_recipes_parses():
    definition = (ROOT / "Singularity.def").read_text()
    sections = dict(re.findall(r"^%(\w+)\n((?:    .*\n|\n)*)", definition, re.MULTILINE))
    scripts = [sections[name] for name in ("post", "environment", "runscript", "test")]
    for name in ("install-app", "build-image"):
        scripts.append((ROOT / "tools" / f"{name}.sh").read_text())
    for text in scripts:
        assert text.strip()
        done = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, check=False)
        assert done.returncode == 0, done.stderr


def test_every_pinned_package_is_listed_with_its_licence():
    whole = (ROOT / "docs" / "licences.md").read_text()
    table = whole.partition("## The local page")[0]
    listed = re.findall(r"^\| (\S+) \| (\S+) \| (.+) \|$", table, re.MULTILINE)[1:]
    torch = (ROOT / "requirements" / "torch.txt").read_text().strip().partition("==")
    pinned = {*PIN.findall(lock("image")), (torch[0], torch[2])}
    assert {(name, version) for name, version, _ in listed} == pinned
    assert not [row for row in listed if re.search(r"(?<!L)GPL|see its files", row[2])]
    assert "| @niivue/niivue |" in whole
