"""All files of a series, or none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.options import HeaderOptions, Profile
from bids_deface.dicom.pseudonyms import Pseudonyms
from bids_deface.dicom.series import Series, collect
from bids_deface.dicom.study import stacks_of
from bids_deface.dicom.volumes import layout_of, load_stacks
from bids_deface.dicom.writing import Hidden, Writer
from bids_deface.errors import OutputError, SeriesError
from tests.dicom.made import write_series

DATA = np.random.default_rng(1).integers(0, 4096, (9, 8, 12), dtype=np.uint16)
NAMES = Pseudonyms(b"k" * 32)
ALL = ("eyes", "nose", "ears", "mouth")


@pytest.fixture
def series(tmp_path: Path) -> Series:
    """A small series."""
    write_series(tmp_path / "in", DATA, np.eye(4))
    return collect(tmp_path / "in").series[0]


def hidden(series: Series) -> Hidden:
    """A corner of the volume hidden."""
    stacks = stacks_of(series)
    (volume,) = load_stacks(stacks)
    after, mask = volume.data.copy(), np.zeros(volume.data.shape, np.uint8)
    mask[:3, :3, 2:5] = 1
    after[mask == 1] = 9
    return Hidden(layout_of(stacks), [volume.data], [after], [mask], ALL, complete=True)


def writer(**options: object) -> Writer:
    return Writer(Cleaner(HeaderOptions(**options), NAMES))


def test_slices_go_back_to_their_files(series: Series, tmp_path: Path) -> None:
    writer().write(series, tmp_path / "out", hidden(series))
    expected = DATA.copy()
    expected[:3, :3, 2:5] = 9
    found = sorted(
        (dcmread(path) for path in (tmp_path / "out").iterdir()),
        key=lambda image: float(image.ImagePositionPatient[2]),
    )
    assert np.array_equal(np.stack([f.pixel_array.T for f in found], 2), expected)
    numbers = [int(dcmread(path).InstanceNumber) for path in sorted((tmp_path / "out").iterdir())]
    assert numbers == list(range(1, 13))


@pytest.mark.parametrize(
    "options", [{"keep_uids": True}, {"profile": Profile.JEONG2020}], ids=["kept", "jeong2020"]
)
def test_changed_pixels_get_new_uids_whatever_is_kept(
    series: Series, tmp_path: Path, options: dict[str, object]
) -> None:
    writer(**options).write(series, tmp_path / "out", hidden(series))
    written = [dcmread(path) for path in (tmp_path / "out").iterdir()]
    assert not {w.SOPInstanceUID for w in written} & {one.sop_uid for one in series.instances}
    assert {w.SeriesInstanceUID for w in written} == {NAMES.uid(series.first.series_uid)}
    assert {w.StudyInstanceUID for w in written} == {series.first.study_uid}
    assert all(w.file_meta.MediaStorageSOPInstanceUID == w.SOPInstanceUID for w in written)


def test_with_some_features_the_file_does_not_call_itself_faceless(
    series: Series, tmp_path: Path
) -> None:
    some = replace(hidden(series), features=("nose",), complete=False)
    writer().write(series, tmp_path / "out", some)
    image = dcmread(next((tmp_path / "out").iterdir()))
    assert "RecognizableVisualFeatures" not in image
    assert "(nose)" in image.DerivationDescription
    assert "113102" not in [code.CodeValue for code in image.DeidentificationMethodCodeSequence]


def test_what_follows_the_pixels_is_not_copied(series: Series, tmp_path: Path) -> None:
    for one in series.instances:
        image = dcmread(one.path)
        image.PixelData += b"Zqsecret"
        image.save_as(one.path)
    writer().write(series, tmp_path / "out", None)
    for path in (tmp_path / "out").iterdir():
        assert len(dcmread(path).PixelData) == DATA[..., 0].nbytes


def test_pixels_outside_of_the_mask_may_not_change(series: Series, tmp_path: Path) -> None:
    wrong = hidden(series)
    wrong.after[0][8, 7, 11] += 1
    with pytest.raises(SeriesError, match="outside of the mask"):
        writer().write(series, tmp_path / "out", wrong)
    assert not list(tmp_path.glob("out*"))
    assert not list(tmp_path.glob(".unfinished*"))


def test_a_file_that_changed_meanwhile_is_noticed(series: Series, tmp_path: Path) -> None:
    plan = hidden(series)
    image = dcmread(series.first.path)
    image.PixelData = bytes(len(image.PixelData))
    image.save_as(series.first.path)
    with pytest.raises(SeriesError, match="changed while it was worked on"):
        writer().write(series, tmp_path / "out", plan)
    assert not (tmp_path / "out").exists()


def test_a_disk_that_lies_is_noticed(
    series: Series, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bids_deface.dicom.writing as module

    real = module.read_frames

    def lying(path: Path):
        for frame in real(path):
            yield frame + 1 if "unfinished" in str(path) else frame

    monkeypatch.setattr(module, "read_frames", lying)
    with pytest.raises(OutputError, match="disk does not hold"):
        writer().write(series, tmp_path / "out", hidden(series))
    assert not (tmp_path / "out").exists()


def test_places_are_made_of_pseudonyms(series: Series) -> None:
    place = writer().place_of(series)
    assert place.parts[0] == NAMES.patient("PAT-0815")
    assert place.parts[2].startswith("series-")
    assert not any(word in str(place) for word in ("Miller", "PAT", "mprage"))
