"""The main job inside an image, as nobody in particular, offline, on a read-only root.

Asked for by BIDS_DEFACE_IMAGE (the image) and BIDS_DEFACE_ENGINE (docker, or "podman --runtime
runc"); ``tools/build-image.sh --check`` sets both.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from bids_deface import __version__
from tests.conftest import command, tree
from tests.dataset.test_derivatives import validate

pytestmark = pytest.mark.container
#: Neither the user of the image nor one that it knows by name.
USER = "4321:4321"


@pytest.fixture(scope="module")
def image() -> str:
    name = os.environ.get("BIDS_DEFACE_IMAGE")
    if not name:
        pytest.skip("no image: set BIDS_DEFACE_IMAGE")
    return name


@pytest.fixture(scope="module")
def raw(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("container")
    folder.chmod(0o755)
    folder.parent.chmod(0o755)
    assert command(folder / "raw", module="bids_deface.cli.demo").returncode == 0
    return folder / "raw"


def inside(image, *arguments, mounts=(), entrypoint=None):
    engine = os.environ.get("BIDS_DEFACE_ENGINE", "docker").split()
    options = ["--rm", "--network", "none", "--read-only", "--tmpfs", "/tmp", "--user", USER]
    options += [part for mount in mounts for part in ("-v", mount)]
    options += ["--entrypoint", entrypoint] if entrypoint else []
    return subprocess.run(
        [*engine, "run", *options, image, *map(str, arguments)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip


def test_the_main_job_in_the_image(image, raw):
    out = raw.parent / "out"
    out.mkdir()
    os.chown(out, *map(int, USER.split(":")))
    before = tree(raw)
    mounts = (f"{raw}:/data:ro", f"{out}:/out")
    done = inside(image, "/data", "/out", "participant", mounts=mounts)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 of 6 images passed" in done.stdout
    assert tree(raw) == before
    description = json.loads((out / "dataset_description.json").read_text())
    container = description["GeneratedBy"][0]["Container"]
    assert container == {"Type": "docker", "Tag": f"bids-deface:{__version__}"}
    assert validate(out) == []


def test_the_other_commands_and_extras_are_there(image):
    assert inside(image, "--version").stdout == f"bids-deface {__version__}\n"
    for name in ("image", "dicom", "evaluate", "train", "demo"):
        done = inside(image, "--help", entrypoint=f"bids-deface-{name}")
        assert done.returncode == 0, done.stderr
    done = inside(image, "-c", "import pydicom, gdcm, openjpeg, torch", entrypoint="python")
    assert done.returncode == 0, done.stderr


def test_a_folder_that_cannot_be_written_is_told(image, raw):
    closed = raw.parent / "closed"
    closed.mkdir(mode=0o755)
    mounts = (f"{raw}:/data:ro", f"{closed}:/out")
    done = inside(image, "/data", "/out/new", "participant", mounts=mounts)
    assert done.returncode == 73, done.stdout + done.stderr
