"""Folders into series: what belongs together, what is none, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MediaStorageDirectoryStorage

from bids_deface.dicom.series import Series, collect
from bids_deface.errors import NoInputError, SeriesError
from tests.dicom.made import write_series

DATA = np.arange(6 * 5 * 10, dtype=np.uint16).reshape(6, 5, 10)
AFFINE = np.eye(4)


def the_series(folder: Path) -> Series:
    (series,) = collect(folder).series
    return series


def test_files_of_one_series_are_found_wherever_they_lie(tmp_path: Path) -> None:
    paths = write_series(tmp_path / "a", DATA, AFFINE, suffix="")
    (tmp_path / "b" / "c").mkdir(parents=True)
    for path in paths[::2]:
        path.rename(tmp_path / "b" / "c" / path.name)
    write_series(tmp_path / "a", DATA, AFFINE, name="other")
    collection = collect(tmp_path)
    assert sorted(len(series.instances) for series in collection.series) == [10, 10]
    assert not collection.foreign


def test_other_files_are_told(tmp_path: Path) -> None:
    write_series(tmp_path, DATA, AFFINE)
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").touch()
    broken = write_series(tmp_path / "x", DATA[..., :1], AFFINE, name="broken")[0]
    broken.write_bytes(broken.read_bytes()[:200])
    bare = write_series(tmp_path / "x", DATA[..., :1], AFFINE, name="bare")[0]
    bare.write_bytes(bare.read_bytes()[132:])
    told = {found.path.name: found for found in collect(tmp_path).foreign}
    assert "without its preamble" in told[bare.name].reason
    assert told.pop(bare.name).is_broken
    assert told["notes.txt"].reason == "no DICOM file"
    assert not told["notes.txt"].is_broken
    assert told[broken.name].is_broken
    assert set(told) == {"notes.txt", "empty", broken.name}


def test_an_index_of_a_medium_is_not_copied(tmp_path: Path) -> None:
    write_series(tmp_path, DATA, AFFINE)
    index = Dataset()
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = MediaStorageDirectoryStorage
    index.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    index.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    index.FileSetID = "MILLER"
    index.save_as(tmp_path / "DICOMDIR", enforce_file_format=True)
    collection = collect(tmp_path)
    assert [found.path.name for found in collection.foreign] == ["DICOMDIR"]
    assert "DICOMDIR" in collection.foreign[0].reason
    assert len(collection.series[0].instances) == 10


@pytest.mark.parametrize("make", [False, True], ids=["missing", "empty"])
def test_a_folder_without_dicom_is_an_error(tmp_path: Path, make: bool) -> None:
    folder = tmp_path / "in"
    if make:
        folder.mkdir()
    with pytest.raises(NoInputError, match=str(folder)):
        collect(folder)


def test_two_patients_in_one_series_are_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, DATA, AFFINE)[3]
    dataset = dcmread(path)
    dataset.PatientID = "SOMEONE-ELSE"
    dataset.save_as(path)
    with pytest.raises(SeriesError, match="more than one patient"):
        the_series(tmp_path).check()


def test_a_file_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    path = write_series(tmp_path, DATA, AFFINE)[3]
    shutil.copy(path, tmp_path / "copy.dcm")
    with pytest.raises(SeriesError, match="twice"):
        the_series(tmp_path).check()


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "LOCALIZER"]}, "localiser"),
        ({"Modality": "US"}, "modality US"),
        ({"SamplesPerPixel": 3}, "a picture"),
    ],
    ids=["localiser", "modality", "colours"],
)
def test_what_is_no_volume_is_told(
    tmp_path: Path, attributes: dict[str, object], says: str
) -> None:
    write_series(tmp_path, DATA, AFFINE, **attributes)
    assert says in the_series(tmp_path).other


def test_a_localiser_of_a_whole_volume_shows_a_face(tmp_path: Path) -> None:
    data = np.zeros((4, 4, 30), np.uint16)
    write_series(tmp_path, data, AFFINE, ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"])
    assert not the_series(tmp_path).other


@pytest.mark.parametrize(
    ("attributes", "says"),
    [
        ({"ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "MOSAIC"]}, "mosaic"),
        ({"ImagePositionPatient": None}, "where in the patient"),
        ({"PixelSpacing": [0, 1]}, "not above zero"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "right angles"),
    ],
    ids=["mosaic", "no place", "no spacing", "no plane"],
)
def test_what_may_show_a_face_is_no_other_series(
    tmp_path: Path, attributes: dict[str, object], says: str
) -> None:
    write_series(tmp_path, DATA, AFFINE, **attributes)
    series = the_series(tmp_path)
    assert not series.other
    with pytest.raises(SeriesError, match=says):
        series.check()


def test_few_slices_are_no_head(tmp_path: Path) -> None:
    write_series(tmp_path, DATA[..., :4], AFFINE)
    assert the_series(tmp_path).other == "too few slices for a head"


def test_one_slice_without_a_place_spoils_its_series(tmp_path: Path) -> None:
    path = write_series(tmp_path, DATA, AFFINE)[3]
    dataset = dcmread(path)
    del dataset.ImagePositionPatient
    dataset.save_as(path)
    series = the_series(tmp_path)
    assert not series.other
    with pytest.raises(SeriesError, match=path.name):
        series.check()


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7"}, True),
        ({"SOPClassUID": "1.2.840.10008.5.1.4.1.1.7", "BurnedInAnnotation": "NO"}, False),
    ],
)
def test_text_in_the_pixels_is_feared(
    tmp_path: Path, attributes: dict[str, object], expected: bool
) -> None:
    write_series(tmp_path, DATA, AFFINE, **attributes)
    assert the_series(tmp_path).is_burned_in is expected
