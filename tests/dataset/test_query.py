from __future__ import annotations

import json

import pytest

from bids_deface.dataset.query import Filters, find_images, open_layout, read_filter_file
from bids_deface.errors import InvalidBIDSError, NoInputError, NothingMatchedError, UsageError

FILES = dict.fromkeys(
    (
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/anat/sub-01_acq-x_FLAIR.nii",
        "sub-02/ses-b/anat/sub-02_ses-b_UNIT1.nii.gz",
        "sub-02/ses-a/anat/sub-02_ses-a_T1w.nii.gz",
        "sub-02/ses-a/func/sub-02_ses-a_task-rest_bold.nii.gz",
        "derivatives/x/sub-01/anat/sub-01_T1w.nii.gz",
        "sourcedata/sub-01/anat/sub-01_T1w.nii.gz",
    ),
    b"",
)


def names(layout, **filters):
    return [
        record.relative.rpartition("/")[2] for record in find_images(layout, Filters(**filters))
    ]


def test_anatomical_images_are_found_best_reference_first(make_bids):
    layout = open_layout(make_bids(FILES))
    assert names(layout) == [
        "sub-01_T1w.nii.gz",
        "sub-01_T2w.nii.gz",
        "sub-01_acq-x_FLAIR.nii",
        "sub-02_ses-a_T1w.nii.gz",
        "sub-02_ses-b_UNIT1.nii.gz",
    ]


def test_filters_narrow_down(make_bids, tmp_path):
    layout = open_layout(make_bids(FILES))
    assert names(layout, participants=("02",)) == names(layout)[3:]
    assert names(layout, sessions=("b",)) == ["sub-02_ses-b_UNIT1.nii.gz"]
    assert names(layout, suffixes=("FLAIR",)) == ["sub-01_acq-x_FLAIR.nii"]
    path = tmp_path / "filter.json"
    path.write_text(json.dumps({"acquisition": "x"}))
    assert names(layout, entities=read_filter_file(path)) == ["sub-01_acq-x_FLAIR.nii"]
    with pytest.raises(NothingMatchedError, match="No participant named 09"):
        names(layout, participants=("09",))
    with pytest.raises(NothingMatchedError, match="No anatomical image"):
        names(layout, suffixes=("PDw",))


def test_sidecars_are_inherited(make_bids):
    files = {**FILES, "T1w.json": b'{"EchoTime": 0.003}'}
    record = find_images(open_layout(make_bids(files)), Filters())[0]
    assert record.sidecar["EchoTime"] == 0.003


def test_bidsignore_is_obeyed(make_bids):
    layout = open_layout(make_bids({**FILES, ".bidsignore": b"# no\n*_FLAIR.nii\nsub-02/**\n"}))
    assert names(layout) == ["sub-01_T1w.nii.gz", "sub-01_T2w.nii.gz"]


def test_what_is_no_dataset_is_refused(tmp_path):
    with pytest.raises(NoInputError):
        open_layout(tmp_path / "nowhere")
    with pytest.raises(InvalidBIDSError, match="dataset_description"):
        open_layout(tmp_path)
    (tmp_path / "dataset_description.json").write_text("{broken")
    with pytest.raises(InvalidBIDSError):
        open_layout(tmp_path)


def test_broken_filter_files(tmp_path):
    path = tmp_path / "f.json"
    with pytest.raises(NoInputError):
        read_filter_file(path)
    path.write_text("[1]")
    with pytest.raises(UsageError, match="object"):
        read_filter_file(path)
    path.write_text("{")
    with pytest.raises(UsageError, match="no JSON"):
        read_filter_file(path)
