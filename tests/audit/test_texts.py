"""Sidecars, tables and headers that identify."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from bids_deface.audit.finding import Weight
from bids_deface.audit.headers import audit_header
from bids_deface.audit.metadata import audit_sidecar
from bids_deface.audit.tables import audit_table, is_personal


@pytest.fixture
def told(tmp_path):
    """Return a function from a sidecar's content to the weights of what is told of its fields."""

    def tell(content) -> dict[str, str]:
        (tmp_path / "x.json").write_text(json.dumps(content))
        return {f.item: f.weight.value for f in audit_sidecar(tmp_path, "x.json")}

    return tell


def test_fields_that_identify_are_told_at_any_depth(told):
    content = {
        "PatientName": "Doe", "AcquisitionDateTime": "2019-03-04T10:11:12", "EchoTime": 0.003,
        "InstitutionName": "Clinic", "AcquisitionTime": "10:11:12", "DeviceSerialNumber": "12",
        "a": [{"b": {"SeriesInstanceUID": "1.2.3"}}], "SeriesDescription": "of 2019-03-04",
        "PatientPosition": "HFS", "PatientID": "anonymous", "PatientBirthDate": "",
        "ConversionSoftwareVersion": "v1 2020-01-01", "patient_name": "Roe",
    }  # fmt: skip
    assert told(content) == {
        "PatientName": "problem", "AcquisitionDateTime": "problem", "InstitutionName": "note",
        "AcquisitionTime": "note", "DeviceSerialNumber": "problem", "patient_name": "problem",
        "a.b.SeriesInstanceUID": "problem", "SeriesDescription": "problem",
    }  # fmt: skip


def test_what_stands_there_is_never_quoted(tmp_path):
    (tmp_path / "x.json").write_text('{"PatientName": "Doe", "Comment": "jd@example.org"}')
    for finding in audit_sidecar(tmp_path, "x.json"):
        assert "Doe" not in str(finding)
        assert "jd@" not in str(finding)


def test_columns_of_a_dictionary_are_no_names(told):
    assert told({"patient_name": {"Description": "pseudonym"}}) == {}


def test_what_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "x.json").write_text("{")
    (finding,) = audit_sidecar(tmp_path, "x.json")
    assert (finding.status, finding.weight) == ("unreadable", Weight.PROBLEM)
    (tmp_path / "participants.tsv").write_bytes(b"\xff\xfe\x00")
    (finding,) = audit_table(tmp_path, "participants.tsv")
    assert finding.status == "unreadable"


def test_tables_of_persons_are_looked_at(tmp_path):
    (tmp_path / "participants.tsv").write_text(
        "participant_id\tage\tname\temail\tnote\nsub-1\t93\tDoe\tn/a\tseen 2019-03-04\n"
        "sub-2\t89+\tRoe\tn/a\tfine\n"
    )
    told = {f.item: f.reason for f in audit_table(tmp_path, "participants.tsv")}
    assert told == {
        "age": "1 ages above 89",
        "name": "names a person, place, device or date",
        "note": "holds a date",
    }
    assert is_personal("phenotype/iq.tsv")
    assert not is_personal("sub-1/func/sub-1_task-x_events.tsv")


def test_ages_have_units(tmp_path):
    (tmp_path / "participants.tsv").write_text("participant_id\tage\tage_group\nsub-1\t100\t95\n")
    assert [f.item for f in audit_table(tmp_path, "participants.tsv")] == ["age"]
    (tmp_path / "participants.json").write_text('{"age": {"Units": "months"}}')
    assert audit_table(tmp_path, "participants.tsv") == []


def test_dates_of_scans_are_real_ones_or_shifted(tmp_path):
    path = tmp_path / "sub-1_scans.tsv"
    path.write_text("filename\tacq_time\nanat/x.nii.gz\t2019-03-04T10:11:12\n")
    assert [f.item for f in audit_table(tmp_path, path.name)] == ["acq_time"]
    path.write_text("filename\tacq_time\nanat/x.nii.gz\t1911-03-04T10:11:12\n")
    assert audit_table(tmp_path, path.name) == []


def header_told(folder, image, ending=".nii.gz") -> dict[str, str]:
    nib.save(image, folder / f"x{ending}")
    file = "x.hdr" if ending == ".img" else f"x{ending}"
    return {f.item: f.weight.value for f in audit_header(folder, file)}


@pytest.mark.parametrize("ending", [".nii.gz", ".nii", ".img"])
def test_text_in_headers_is_told(tmp_path, ending):
    kind = nib.Nifti1Pair if ending == ".img" else nib.Nifti1Image
    image = kind(np.zeros((4, 4, 4), np.int16), np.eye(4))
    image.header["descrip"] = b"TE=4.2;Time=101112.250"
    assert header_told(tmp_path, image, ending) == {}
    image.header["descrip"] = b"scan of 2019-03-04"
    image.header["db_name"] = b"Doe Jane"
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", b"Doe"))
    image.header.extensions.append(nib.nifti1.Nifti1Extension("afni", b"<x/>"))
    assert header_told(tmp_path, image, ending) == {
        "descrip": "problem", "db_name": "problem",
        "extension 6": "problem", "extension 4": "note",
    }  # fmt: skip


def test_a_header_that_cannot_be_read_is_a_problem(tmp_path):
    (tmp_path / "x.nii.gz").write_bytes(b"no image")
    (finding,) = audit_header(tmp_path, "x.nii.gz")
    assert (finding.item, finding.weight) == ("header", Weight.PROBLEM)
