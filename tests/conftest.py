"""Heads to test on: made from the population average, or real where there are any."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.deface import deface_volume
from bids_deface.detection.detector import FeatureDetector
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume

ROOT = Path(__file__).parent.parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put files with slow tests first: none of them is to be the last, with one process idle."""
    slow = {
        item.path for item in items for name in ("slow", "real") if item.get_closest_marker(name)
    }
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(scope="session")
def head() -> SyntheticHead:
    """A made-up T1w head, 1.5 mm."""
    return synthetic_head(np.random.default_rng(7))


@pytest.fixture(scope="session")
def head_file(head: SyntheticHead, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The made-up head as a NIfTI file."""
    path = tmp_path_factory.mktemp("head") / "head.nii.gz"
    path.write_bytes(nifti_bytes(head))
    return path


@pytest.fixture(scope="session")
def detector() -> FeatureDetector:
    """The shipped detector."""
    return FeatureDetector()


@pytest.fixture(scope="session")
def original(head_file: Path) -> Volume:
    """The made-up head as a volume."""
    return load_volume(head_file)


@pytest.fixture(scope="session")
def defaced(original: Volume, detector: FeatureDetector) -> DefaceResult:
    """The made-up head after the whole job."""
    return deface_volume(original, DefaceSettings.of(random_seed=1), detector)


@pytest.fixture(scope="session")
def stripped(head: SyntheticHead) -> SyntheticHead:
    """The made-up head without anything but its brain."""
    return SyntheticHead(np.where(head.dseg == 7, head.data, 0), head.dseg, head.affine)


@pytest.fixture(scope="session")
def heads_dir() -> Path:
    """Folder of labelled real heads; skips the test where there is none."""
    path = Path(os.environ.get("BIDS_DEFACE_HEADS", ROOT.parent / "shared" / "heads"))
    if not (path / "heads.tsv").is_file():
        pytest.skip("no real heads: set BIDS_DEFACE_HEADS to a folder with heads.tsv")
    return path


@pytest.fixture
def save_nifti() -> Callable[..., Path]:
    """Return a function that writes an array as NIfTI."""

    def save(path: Path, data: np.ndarray, affine: np.ndarray | None = None) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        nib.save(nib.Nifti1Image(data, np.eye(4) if affine is None else affine), path)
        return path

    return save


@pytest.fixture
def make_bids(tmp_path: Path) -> Callable[[dict[str, bytes]], Path]:
    """Return a function that writes a BIDS dataset from file names and contents."""

    def make(files: dict[str, bytes]) -> Path:
        folder = tmp_path / "raw"
        folder.mkdir()
        (folder / "dataset_description.json").write_text(
            '{"Name": "test", "BIDSVersion": "1.10.0"}'
        )
        (folder / "README").write_text("test")
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        return folder

    return make


def command(
    *args: str | Path, module: str = "bids_deface", cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command line in a process of its own, as a user does."""
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, *map(str, args)],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=600,
    )


def tree(folder: Path) -> dict[str, bytes]:
    """Return the content of every file of a folder."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
