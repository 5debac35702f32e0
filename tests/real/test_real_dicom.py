"""Real DICOM series: the same answer before and after conversion; skipped where there are none."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
from pydicom import dcmread

from bids_deface.assurance.verdict import Decision
from bids_deface.containers.load import load_volume
from bids_deface.deface import deface_volume
from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.options import HeaderOptions
from bids_deface.dicom.pseudonyms import Pseudonyms
from bids_deface.dicom.series import Series, collect
from bids_deface.dicom.study import stacks_of
from bids_deface.dicom.volumes import load_stacks
from bids_deface.dicom.writing import Writer
from bids_deface.result import DefaceResult
from bids_deface.settings import DefaceSettings
from bids_deface.volume import Volume, canonical_view
from tests.conftest import command, tree
from tests.dicom.secrets import leaks, plant

pytestmark = [pytest.mark.real, pytest.mark.slow]

#: Least Dice of the masks where a slice is missing; measured: 0.984.
MASKS = 0.97


@pytest.fixture
def unpack(heads_dir, tmp_path) -> Callable[[str], Path]:
    """Return a function that unpacks a series."""

    def unpacked(name: str) -> Path:
        with tarfile.open(heads_dir / "dicom" / f"{name}.tar.xz") as archive:
            archive.extractall(tmp_path / "raw", filter="data")
        return tmp_path / "raw"

    return unpacked


@pytest.fixture
def convert(tmp_path) -> Callable[[Path, str], Path]:
    """Return a function that converts a series with dcm2niix."""
    if shutil.which("dcm2niix") is None:
        pytest.skip("dcm2niix is not installed")

    def converted(folder: Path, name: str) -> Path:
        out = tmp_path / name
        out.mkdir()
        subprocess.run(
            ["dcm2niix", "-b", "n", "-z", "n", "-f", "image", "-o", out, folder],
            check=True,
            capture_output=True,
        )
        return out

    return converted


@dataclass
class Shown:
    """What the job shows of the stacks it has done."""

    stacks: list[tuple[Volume, DefaceResult]] = field(default_factory=list)

    def __call__(self, _: str, before: Volume, result: DefaceResult) -> None:
        self.stacks.append((before, result))


def only_series(folder: Path) -> Series:
    (series,) = collect(folder).series
    return series


def upright(path: Path) -> np.ndarray:
    """Return the stored values of an image, canonical."""
    image = nib.load(path)
    return canonical_view(np.asanyarray(image.dataobj.get_unscaled()), image.affine)


@pytest.mark.parametrize("name", ["philips_elition_t1w", "siemens_prisma_t1w_prone"])
def test_stacked_frames_are_the_voxels_of_dcm2niix(unpack, convert, name):
    folder = unpack(name)
    (volume,) = load_stacks(stacks_of(only_series(folder)))
    converted = convert(folder, "nifti") / "image.nii"
    assert np.array_equal(canonical_view(volume.data, volume.affine), upright(converted))
    image = nib.load(converted)
    turned = nib.as_closest_canonical(image).affine
    own = nib.as_closest_canonical(nib.Nifti1Image(volume.data, volume.affine)).affine
    assert np.allclose(own, turned, atol=1e-3)


@pytest.mark.parametrize(
    "name", ["philips_elition_t1w", "siemens_prisma_t1w_prone", "siemens_trio_t1w"]
)
def test_defacing_before_conversion_hides_what_defacing_after_it_hides(
    unpack, convert, tmp_path, detector, name
):
    """Where a slice is missing (Trio), the plain image is compared, not that of equal steps (_Eq).

    The plain one holds every slice as it is stored, so that voxels can be compared one by one. Its
    part beyond the gap lies 1 mm too near, which the masks show; in the other, slices are mixed.
    """
    folder = unpack(name)
    series = only_series(folder)
    settings, shown = DefaceSettings.of(random_seed=1), Shown()
    writer = Writer(Cleaner(HeaderOptions(), Pseudonyms(bytes(32))))
    job = SeriesJob(settings, writer, tmp_path / "out", tmp_path / "review")
    assert job.run(series, (), detector, shown).verdict == "PASS"
    ((_, mine),) = shown.stacks
    before, after = (
        convert(place, word) / "image.nii"
        for word, place in (("before", folder), ("after", tmp_path / "out"))
    )
    theirs = deface_volume(load_volume(before), settings, detector)
    assert theirs.verdict.decision is Decision.PASS
    assert np.array_equal(nib.load(before).affine, nib.load(after).affine)

    (stack,) = stacks_of(series)
    my_mask = canonical_view(mine.mask[:, :, list(stack.slots)], mine.volume.affine) > 0
    their_mask = canonical_view(theirs.mask, theirs.volume.affine) > 0
    old, my_new = upright(before), upright(after)
    their_new = canonical_view(theirs.volume.data, theirs.volume.affine)
    assert not (old != my_new)[~my_mask].any()
    assert not (old != their_new)[~their_mask].any()
    assert np.array_equal(my_new[~(my_mask | their_mask)], their_new[~(my_mask | their_mask)])
    if stack.n_missing:
        assert dice(my_mask, their_mask) >= MASKS
    else:
        # Voxel by voxel, the fill too: both drew it with one seed.
        assert np.array_equal(my_mask, their_mask)
        assert np.array_equal(my_new, their_new)


def dice(one: np.ndarray, other: np.ndarray) -> float:
    return float(2 * (one & other).sum() / (one.sum() + other.sum()))


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_no_secret_leaks_from_a_real_series(unpack, tmp_path) -> None:
    folder = unpack("siemens_prisma_t1w_prone")
    secrets: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*.dcm")):
        dataset = dcmread(path)
        secrets = plant(dataset)
        # What the scanner itself wrote of people and places must go, too.
        for keyword in ("DeviceSerialNumber", "StationName", "PatientBirthDate"):
            secrets.setdefault(keyword, str(dataset[keyword].value).encode())
        dataset.save_as(path)
    assert len(secrets) >= 60
    out = tmp_path / "out"
    run = command(folder, out, module="bids_deface.cli.dicom")
    assert run.returncode == 0, run.stdout + run.stderr
    content = {**tree(out), **tree(tmp_path / "out-private")}
    assert sum(name.endswith(".dcm") for name in content) == 35
    content |= {"stdout": run.stdout.encode(), "stderr": run.stderr.encode()}
    assert not leaks(secrets, content)
