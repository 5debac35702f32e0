from __future__ import annotations

import json
import os

import pytest

from bids_deface.audit.dataset import audit_texts
from bids_deface.audit.risky import audit_files
from bids_deface.audit.walk import walk_dataset
from bids_deface.errors import NoInputError
from bids_deface.export.item import ExportOptions, Fate
from bids_deface.export.sorting import sort_files


def told(folder) -> dict[str, str]:
    return {f.file: f.item for f in audit_files(walk_dataset(folder))}


def weights(folder) -> dict[str, str]:
    return {f.file: f.weight.value for f in audit_files(walk_dataset(folder))}


def write(folder, *names: str, content: bytes = b"x") -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("sub-1/anat/sub-1_photo.jpg", "picture"),
        ("sub-1/beh/sub-1_face.HEIC", "picture"),
        ("sub-1/beh/talk.mp4", "video"),
        ("sub-1/beh/talk.wav", "sound"),
        ("sub-1/scans.zip", "archive"),
        ("all.tar.gz", "archive"),
        ("sub-1/anat/1.dcm", "DICOM"),
        ("DICOMDIR", "DICOM"),
        ("derivatives/fs/sub-1/surf/lh.seghead", "head surface"),
        ("derivatives/fs/sub-1/bem/outer_skin.surf", "head surface"),
        ("derivatives/fs/sub-1/bem/sub-1-head-dense.fif", "head surface"),
        ("derivatives/x/sub-1_head.surf.gii", "head surface"),
        ("derivatives/x/sub-1_face.stl", "head surface"),
        ("derivatives/x/thing.obj", "mesh"),
        ("derivatives/x/sub-1/anat/sub-1_label-head_mask.nii.gz", "head mask"),
    ],
)
def test_files_that_show_a_person_are_told(tmp_path, name, item):
    write(tmp_path, name)
    assert told(tmp_path) == {name: item}
    assert weights(tmp_path) == {name: "problem"}


@pytest.mark.parametrize(
    "name",
    [
        "sub-1/anat/sub-1_T1w.nii.gz", "sub-1/anat/sub-1_T1w.json", "stimuli/face.jpg",
        "sub-1/micr/sub-1_sample-A_TEM.png", "derivatives/x/sub-1/sub-1_hemi-L_pial.surf.gii",
        "derivatives/x/sub-1/sub-1_hemi-L_midthickness.surf.gii", "README", "participants.tsv",
        "derivatives/fs/sub-1/surf/lh.pial", "derivatives/fs/sub-1/bem/inner_skull.surf",
        "derivatives/x/sub-1/anat/sub-1_label-brain_mask.nii.gz", "sub-1/func/sub-1_events.tsv",
    ],
)  # fmt: skip
def test_what_belongs_there_is_not(tmp_path, name):
    write(tmp_path, name)
    assert told(tmp_path) == {}


def test_folders_are_told_as_a_whole(tmp_path):
    write(tmp_path, "sourcedata/a/1.dcm", "sourcedata/2.jpg", "derivatives/x/private/f.png")
    write(tmp_path, ".heudiconv/1/info/dicominfo.tsv")
    assert told(tmp_path) == dict.fromkeys(
        ("sourcedata", "derivatives/x/private", ".heudiconv"), "folder"
    )


def test_dicom_files_are_known_by_their_mark(tmp_path):
    write(tmp_path, "sub-1/anat/IM0001", content=bytes(128) + b"DICM")
    write(tmp_path, "sub-1/anat/IM0002", content=bytes(200))
    assert told(tmp_path) == {"sub-1/anat/IM0001": "DICOM"}


def test_a_head_shape_is_more_than_a_few_marks(tmp_path):
    few = b"nasion 1.0 2.0 3.0\nlpa 4.0 5.0 6.0\n"
    write(tmp_path, "sub-1/meg/sub-1_electrodes.pos", content=few)
    write(tmp_path, "sub-1/meg/sub-1_headshape.pos", content=b"1.5 2.5 -3.5\n" * 60)
    write(tmp_path, "sub-1/meg/sub-1_headshape.hsp", content=b"\xff\xfe")
    assert weights(tmp_path) == {
        "sub-1/meg/sub-1_electrodes.pos": "note",
        "sub-1/meg/sub-1_headshape.pos": "problem",
        "sub-1/meg/sub-1_headshape.hsp": "problem",
    }


def test_our_own_pictures_are_of_defaced_heads(tmp_path):
    write(tmp_path, "out/sub-1/figures/sub-1_desc-head_T1w.png", "figures/group/x.jpg")
    assert set(told(tmp_path).values()) == {"picture"}
    made = {"DatasetType": "derivative", "GeneratedBy": [{"Name": "bids-deface"}]}
    write(tmp_path, "out/dataset_description.json", content=json.dumps(made).encode())
    assert told(tmp_path) == {"figures/group/x.jpg": "picture"}


def test_history_can_hold_what_is_gone(tmp_path):
    write(tmp_path, ".git/HEAD", "README", "code/run.py")
    assert weights(tmp_path) == {".git": "note", "code/run.py": "note"}


def test_links_in_a_circle_end(tmp_path):
    write(tmp_path, "a/README")
    (tmp_path / "a" / "up").symlink_to(tmp_path)
    assert walk_dataset(tmp_path).files == ("a/README",)


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NoInputError):
        walk_dataset(tmp_path / "none")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes")
def test_what_would_be_waited_for_is_told_and_not_opened(tmp_path):
    (tmp_path / "sub-1").mkdir()
    for name in ("sub-1/odd", "sub-1/sub-1_scans.tsv", "sub-1/x.nii.gz", "sub-1/x.json"):
        os.mkfifo(tmp_path / name)
    tree = walk_dataset(tmp_path)
    assert tree.files == ()
    assert {f.item for f in audit_texts(tree)} == {"special file"}
    items = sort_files(tree, tmp_path, {}, ExportOptions())
    assert [item.fate for item in items] == [Fate.LEFT_OUT] * 4
