from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from bids_deface.dataset.demo import IMAGES, write_demo
from bids_deface.dataset.derivatives import (
    Produced,
    check_output_dir,
    store_image,
)
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.root_files import write_root_files
from bids_deface.dataset.sidecars import image_sidecar, label_table
from bids_deface.errors import OutputError

RESULT = {
    "Verdict": "PASS",
    "Protocol": "default",
    "Level": "features",
    "Methods": {"nose": "removed"},
    "Notes": [],
    "SkullStripped": False,
    "ChangedVoxels": 5,
    "Source": "sub-1/anat/sub-1_T1w.nii.gz",
}


@pytest.fixture
def produced(tmp_path):
    files = {}
    for name in ("image", "mask", "dseg", "shared", "private"):
        files[name] = tmp_path / f"{name}.bin"
        files[name].write_bytes(name.encode())
    return Produced(
        files["image"],
        files["mask"],
        files["dseg"],
        {"defaced": files["shared"]},
        {"head": files["private"]},
    )


@pytest.fixture
def names(tmp_path):
    return OutputNames(tmp_path / "out", Path("sub-1/anat"), "sub-1_T1w")


def stored(names):
    root = names.output_dir
    return {p.relative_to(root).as_posix() for p in root.rglob("*") if p.is_file()}


def test_pass_is_stored_with_sidecars_and_pictures(names, produced):
    store_image(names, RESULT["Source"], {"EchoTime": 1}, produced, RESULT)
    assert stored(names) == {
        "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz",
        "sub-1/anat/sub-1_desc-defaced_T1w.json",
        "sub-1/anat/sub-1_mod-T1w_desc-face_defacemask.nii.gz",
        "sub-1/anat/sub-1_mod-T1w_desc-face_defacemask.json",
        "sub-1/anat/sub-1_desc-faceT1w_dseg.nii.gz",
        "sub-1/anat/sub-1_desc-faceT1w_dseg.json",
        "sub-1/anat/sub-1_desc-faceT1w_dseg.tsv",
        "sub-1/figures/sub-1_desc-defaced_T1w.png",
        "private/sub-1/figures/sub-1_desc-originalhead_T1w.png",
        "logs/images/sub-1_T1w.json",
    }


def test_review_stays_private_and_fail_writes_nothing(names, produced):
    store_image(names, RESULT["Source"], {}, produced, {**RESULT, "Verdict": "REVIEW"})
    written = stored(names)
    assert {name for name in written if name.startswith("private/review/")}
    assert {n for n in written if not n.startswith("private/")} == {"logs/images/sub-1_T1w.json"}
    store_image(names, RESULT["Source"], {}, Produced(), {**RESULT, "Verdict": "FAIL"})
    assert stored(names) == {"logs/images/sub-1_T1w.json"}, "what was there before is taken back"


def test_sidecars_keep_physics_and_drop_persons():
    physics = {"EchoTime": 0.1, "RepetitionTime": 2, "PatientPosition": "HFS", "CoilName": "x"}
    persons = {
        "PatientName": "X", "OtherPatientIDs": "1", "AcquisitionTime": "1", "InstitutionName": "Y",
        "InstanceCreationDate": "1", "AcquisitionDateTime": "1", "SeriesInstanceUID": "1",
        "DeviceSerialNumber": "1", "ReferringPhysicianName": "Z",
    }  # fmt: skip
    raw = {**physics, **persons, "global": {"const": {"PatientBirthDate": "1", "FlipAngle": 9}}}
    raw["slices"] = [{"InstanceCreationTime": "1", "SliceLocation": 2}]
    sidecar = image_sidecar("sub-1/anat/sub-1_T1w.nii.gz", raw, RESULT)
    assert physics.items() <= sidecar.items()
    assert not persons.keys() & sidecar.keys()
    assert sidecar["global"] == {"const": {"FlipAngle": 9}}
    assert sidecar["slices"] == [{"SliceLocation": 2}]
    assert sidecar["DeidentificationMethodCodeSequence"][0]["CodeValue"] == "113102"
    assert sidecar["SkullStripped"] is False


def test_notes_on_the_header_stand_in_the_sidecar():
    notes = ["header extension dropped: comment (32 bytes)"]
    sidecar = image_sidecar("sub-1/anat/sub-1_T1w.nii.gz", {}, {**RESULT, "Notes": notes})
    assert sidecar["Notes"] == notes
    assert "Notes" not in image_sidecar("sub-1/anat/sub-1_T1w.nii.gz", {}, RESULT)


def test_output_folder_rules(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    check_output_dir(raw, tmp_path / "out")
    check_output_dir(raw, raw / "derivatives" / "bids-deface")
    for bad in (raw, raw / "sub", raw / "derivatives", tmp_path):
        with pytest.raises(OutputError):
            check_output_dir(raw, bad)


def test_another_dataset_is_not_overwritten(tmp_path):
    raw, other = tmp_path / "raw", tmp_path / "fmriprep"
    for folder in (raw, other):
        folder.mkdir()
    (other / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    with pytest.raises(OutputError, match="another dataset"):
        check_output_dir(raw, other)


def test_a_store_that_fails_leaves_nothing(names, produced):
    broken = Produced(produced.image, produced.mask, names.output_dir / "missing")
    with pytest.raises(FileNotFoundError):
        store_image(names, RESULT["Source"], {}, broken, RESULT)
    assert stored(names) == set()


def test_label_table_lists_all_regions():
    rows = label_table().splitlines()
    assert rows[0] == "index\tname\tcolor"
    assert len(rows) == 9


def validate(folder: Path) -> list[dict]:
    validator = Path(sys.executable).with_name("bids-validator-deno")
    done = subprocess.run(
        [validator, "--format", "json", folder], capture_output=True, text=True, check=False
    )
    issues = json.loads(done.stdout)["issues"]["issues"]
    return [issue for issue in issues if issue["severity"] == "error"]


def test_demo_dataset_is_valid_bids(tmp_path):
    paths = write_demo(tmp_path / "demo")
    assert len(paths) == len(IMAGES) == 6
    assert len({p.name.split("_")[0] for p in paths}) == 2
    assert validate(tmp_path / "demo") == []
    with pytest.raises(OutputError, match="not empty"):
        write_demo(tmp_path / "demo")


def test_root_files_say_where_things_come_from(tmp_path):
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "dataset_description.json").write_text('{"Name": "My study", "License": "CC0"}')
    write_root_files(raw, tmp_path / "out")
    description = json.loads((tmp_path / "out" / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "bids-deface"
    assert description["License"] == "CC0"
    assert str(tmp_path) not in (tmp_path / "out" / "dataset_description.json").read_text()
    assert (tmp_path / "out" / "private" / "README").is_file()


def test_what_a_killed_run_left_behind_is_taken_back(names, produced, monkeypatch):
    """Pictures without a record: the next verdict may forbid them."""
    left = [
        names.figures / names.figure("defaced"),
        names.figures / names.figure("surface"),
        names.private_figures / names.figure("originalhead"),
        names.review_folder / names.relative_image,
    ]
    for path in left:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"old")
    assert left[1].name == "sub-1_desc-surface_T1w.surf.gii"
    store_image(names, RESULT["Source"], {}, produced, {**RESULT, "Verdict": "FAIL"})
    assert not any(path.exists() and path.read_bytes() == b"old" for path in left)
    assert not left[0].exists()
