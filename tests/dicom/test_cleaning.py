"""Headers without names: profiles, options, every depth."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pydicom import config, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag

from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.marks import mark_headers, new_file_meta
from bids_deface.dicom.options import Dates, HeaderOptions, PrivateRule, Profile
from bids_deface.dicom.pseudonyms import Pseudonyms
from tests.dicom.made import write_series
from tests.dicom.secrets import plant

NAMES = Pseudonyms(b"k" * 32)


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    """One small image."""
    data = np.arange(4 * 4, dtype=np.uint16).reshape(4, 4, 1)
    return dcmread(write_series(tmp_path, data, np.eye(4))[0])


def cleaned(dataset: Dataset, **options: object) -> Dataset:
    Cleaner(HeaderOptions(**options), NAMES).clean(dataset)
    return dataset


def as_bytes(dataset: Dataset) -> bytes:
    new_file_meta(dataset)
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def as_read(dataset: Dataset, tag: int, vr: str, value: bytes) -> None:
    """Put an element in as it comes from a file, whatever its value."""
    raw = RawDataElement(BaseTag(tag), vr, len(value), value, 0, False, True)
    dataset._dict[BaseTag(tag)] = raw


def test_no_secret_is_left(dataset: Dataset) -> None:
    secrets = plant(dataset)
    assert len(secrets) >= 60
    before = io.BytesIO()
    dataset.save_as(before, enforce_file_format=True)
    # Each secret can be found where it is planted: else its absence would prove nothing.
    assert not [place for place, secret in secrets.items() if secret not in before.getvalue()]
    after = as_bytes(cleaned(dcmread(io.BytesIO(before.getvalue())))).lower()
    assert not [place for place, secret in secrets.items() if secret.lower() in after]


@pytest.mark.parametrize(
    "options",
    [
        {"dates": Dates.SHIFTED, "clean_descriptors": True},
        {"keep_device": True},
        {"keep_uids": True},
        {"keep_patient_characteristics": True},
    ],
    ids="+".join,
)
def test_options_keep_no_names(dataset: Dataset, options: dict[str, object]) -> None:
    secrets = plant(dataset)
    kept = {
        "keep_uids": {"StudyInstanceUID", "FrameOfReferenceUID"},
        "keep_device": {"StationName", "DeviceSerialNumber", "PerformedStationName"},
        "keep_patient_characteristics": {"EthnicGroup"},
    }
    expected = set().union(*(kept.get(name, set()) for name in options))
    after = as_bytes(cleaned(dataset, **options)).lower()
    assert {place for place, secret in secrets.items() if secret.lower() in after} == expected


@pytest.mark.parametrize(
    ("change", "secret"),
    [
        (lambda d: as_read(d, 0x00180080, "DS", b"Miller"), "Miller"),
        (lambda d: as_read(d, 0x00200013, "IS", b"Zqsecret"), "Zqsecret"),
        (lambda d: d.add_new("StudyTime", "TM", "Zqsecret"), "Zqsecret"),
        (lambda d: d.add_new("StudyDate", "DA", "20210203Zqsecret"), "Zqsecret"),
        (lambda d: d.add_new("FrameOfReferenceUID", "UI", "Zqsecret"), "Zqsecret"),
        (lambda d: d.add_new("ScanOptions", "CS", "Zqsecret-lower"), "Zqsecret"),
        (lambda d: d.add_new("CountsSource", "CS", "of Miller"), "Miller"),
        (lambda d: d.add_new("TransmitCoilName", "SH", "PAT0815 coil"), "PAT0815"),
        (lambda d: d.add_new("TransmitCoilName", "SH", "JosephineMiller"), "Miller"),
        (lambda d: d.add_new("PatientBodyMassIndex", "FD", 23.4567), "PatientBodyMassIndex"),
        (lambda d: d.add_new(0x00020016, "AE", "Zqsecret"), "Zqsecret"),
        (lambda d: d.add_new(0x00291010, "US", 3), "00291010"),
    ],
)
@pytest.mark.parametrize("dates", [Dates.NONE, Dates.SHIFTED])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_texts_do_not_hide_in_other_kinds_of_values(
    dataset: Dataset,
    change: Callable[[Dataset], object],
    secret: str,
    dates: Dates,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # As the command does: broken values come as texts, not as errors.
    monkeypatch.setattr(config.settings, "reading_validation_mode", config.IGNORE)
    change(dataset)
    after = cleaned(dataset, dates=dates, keep_uids=secret == "Zqsecret")
    if secret == "PatientBodyMassIndex":
        assert not after.get(secret)
    assert secret.encode() not in as_bytes(after)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Li^Wei=李^伟", "coil Li Wei"),
        ("Li^Wei=李^伟", "LIWEI-1"),
        ("Li^Wei=李^伟", "李伟"),
        ("Yamada^Tarou=山田^太郎=やまだ^たろう", "山田太郎"),
        ("Miller^Jo", "JO 3"),
    ],
)
def test_names_are_found_however_they_are_written(dataset: Dataset, name: str, text: str) -> None:
    dataset.PatientName = name
    dataset.ReceiveCoilName = text
    assert not cleaned(dataset).ReceiveCoilName


def test_short_names_do_not_empty_all_else(dataset: Dataset) -> None:
    dataset.PatientName = "Li^Wei"
    dataset.ReceiveCoilName = "HeadCoil lithium"
    assert cleaned(dataset).ReceiveCoilName == "HeadCoil lithium"


def test_dates_of_a_device_tell_no_shift(dataset: Dataset) -> None:
    dataset.DateOfLastCalibration = "20210202"
    dataset.DeviceSerialNumber = "4711"
    shifted = cleaned(dataset, dates=Dates.SHIFTED, keep_device=True)
    assert shifted.DeviceSerialNumber == "4711"
    assert "20210202" not in str(shifted.DateOfLastCalibration)


def test_codes_without_a_scheme_are_texts(dataset: Dataset) -> None:
    item = Dataset()
    item.CodeValue, item.CodeMeaning = "1", "Dr Zqsecret trial"
    dataset.ProcedureCodeSequence = Sequence([item])
    assert b"Zqsecret" not in as_bytes(cleaned(dataset))


def test_kept_private_sequences_hide_no_names(dataset: Dataset) -> None:
    block = dataset.private_block(0x0029, "MAKER", create=True)
    inner = Dataset()
    inner.PatientName = "Else^Anna"
    raw = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x10\x00\x10\x00\x04\x00\x00\x00Anna"
    block.add_new(1, "SQ", Sequence([inner]))
    block.add_new(2, "UN", raw)
    block.add_new(3, "LO", "scan of Miller")
    block.add_new(4, "IS", "1000")
    rules = tuple(PrivateRule(0x0029, n, "MAKER") for n in range(1, 5))
    after = as_bytes(cleaned(dataset, private=rules))
    assert b"Anna" not in after
    assert b"Miller" not in after
    assert b"1000" in after


def test_broken_private_elements_break_nothing(dataset: Dataset) -> None:
    for tag, vr, value in ((0x00291001, "US", b"abc"), (0x00291002, "FD", b"sixsix")):
        as_read(dataset, tag, vr, value)
    assert not [e for e in cleaned(dataset) if e.tag.is_private]


def test_technique_and_geometry_stay(dataset: Dataset) -> None:
    wanted = [
        "ImageType",
        "Modality",
        "Manufacturer",
        "SequenceName",
        "EchoTime",
        "RepetitionTime",
        "PixelSpacing",
        "ImagePositionPatient",
        "ImageOrientationPatient",
        "Rows",
        "Columns",
        "InstanceNumber",
        "SeriesNumber",
        "PixelData",
        "SOPClassUID",
        "BitsStored",
    ]
    before = {keyword: dataset[keyword].value for keyword in wanted}
    after = cleaned(dataset)
    assert {keyword: after[keyword].value for keyword in wanted} == before


def test_uids_stay_consistent(dataset: Dataset) -> None:
    item = Dataset()
    item.ReferencedSOPClassUID = dataset.SOPClassUID
    item.ReferencedSOPInstanceUID = dataset.SOPInstanceUID
    dataset.ReferencedImageSequence = Sequence([item])
    old = dataset.SOPInstanceUID
    after = cleaned(dataset)
    assert after.SOPInstanceUID != old
    (reference,) = after.ReferencedImageSequence
    assert reference.ReferencedSOPInstanceUID == after.SOPInstanceUID
    assert reference.ReferencedSOPClassUID == after.SOPClassUID == "1.2.840.10008.5.1.4.1.1.4"


def test_patient_gets_one_pseudonym(dataset: Dataset) -> None:
    after = cleaned(dataset)
    assert after.PatientID == after.PatientName == NAMES.patient("PAT-0815")
    assert not after.PatientBirthDate


def test_without_an_option_no_date_is_left(dataset: Dataset) -> None:
    after = cleaned(dataset)
    assert not [e for e in after.iterall() if e.VR in ("DA", "DT", "TM") and e.value]
    mark_headers(after, HeaderOptions(), defaced=True)
    assert after.LongitudinalTemporalInformationModified == "REMOVED"


def test_shifted_dates_keep_their_distance(dataset: Dataset) -> None:
    dataset.SeriesDate = "20210210"
    dataset.AcquisitionDateTime = "20210203040506.7"
    options = HeaderOptions(dates=Dates.SHIFTED)
    after = cleaned(dataset, dates=Dates.SHIFTED)
    study, series = (np.datetime64(f"{d[:4]}-{d[4:6]}-{d[6:]}") for d in
                     (str(after.StudyDate), str(after.SeriesDate)))  # fmt: skip
    assert series - study == np.timedelta64(7, "D")
    assert study < np.datetime64("1925-01-01")
    assert after.AcquisitionDateTime == f"{after.StudyDate}040506.7"
    assert not after.PatientBirthDate
    mark_headers(after, options, defaced=True)
    assert after.LongitudinalTemporalInformationModified == "MODIFIED"
    assert "113107" in [code.CodeValue for code in after.DeidentificationMethodCodeSequence]


@pytest.mark.parametrize(("age", "told"), [("071Y", "071Y"), ("093Y", "090Y"), ("006M", "006M")])
def test_ages_above_90_are_one(dataset: Dataset, age: str, told: str) -> None:
    dataset.PatientAge = age
    assert cleaned(dataset, keep_patient_characteristics=True).PatientAge == told


def test_characteristics_go_unless_kept(dataset: Dataset) -> None:
    after = cleaned(dataset)
    assert not after.get("PatientAge")
    assert not after.get("PatientSex")


def test_descriptions_keep_words_of_the_field(dataset: Dataset) -> None:
    after = cleaned(dataset, clean_descriptors=True)
    assert after.SeriesDescription == "t1 mprage sag 1mm"


def test_listed_private_elements_stay(dataset: Dataset) -> None:
    block = dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True)
    block.add_new(0x0C, "IS", "1000")
    block.add_new(0x0D, "CS", "DIRECTIONAL")
    other = dataset.private_block(0x0021, "SIEMENS MR HEADER", create=True)
    other.add_new(0x0C, "LO", "not listed")
    after = cleaned(dataset, private=(PrivateRule(0x0019, 0x0C, "SIEMENS MR HEADER"),))
    private = {str(e.value) for e in after if e.tag.is_private}
    assert private == {"SIEMENS MR HEADER", "1000"}


def test_the_papers_profile_empties_its_20_fields_only(dataset: Dataset) -> None:
    dataset.StudyDescription = "kept as published"
    dataset.OperatorsName = "Someone"
    dataset.private_block(0x0029, "MAKER", create=True).add_new(1, "LO", "kept")
    options = HeaderOptions(profile=Profile.JEONG2020)
    after = cleaned(dataset, profile=Profile.JEONG2020)
    for keyword in ("PatientName", "PatientID", "StudyDate", "OperatorsName", "PatientAge"):
        assert not after[keyword].value, keyword
    assert after.StudyDescription == "kept as published"
    assert [e.value for e in after if e.tag.is_private] == ["MAKER", "kept"]
    mark_headers(after, options, defaced=True)
    assert after.PatientIdentityRemoved == "NO"


def test_enhanced_objects_keep_values_of_type_1(dataset: Dataset) -> None:
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.4.1"
    dataset.DeviceSerialNumber = "Zq123"
    after = cleaned(dataset)
    assert after.DeviceSerialNumber == "REMOVED"
    assert after.ContentDate == "19000101"


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d.add_new(0x00080005, "CS", "ISO_IR 100"),
        lambda d: setattr(d, "PatientName", "Müller^Jörg"),
        lambda d: d.add_new(0x00101010, "AS", "071Y"),
        lambda d: setattr(d, "PatientName", None),
    ],
)
def test_odd_headers_are_cleaned(dataset: Dataset, change: Callable[[Dataset], object]) -> None:
    change(dataset)
    name = str(dataset.PatientName or "Miller").split("^")[0]
    assert name.encode() not in as_bytes(cleaned(dataset))
