from __future__ import annotations

import json

import pytest

from bids_deface.dataset.filters import Filters, read_filter_file
from bids_deface.dataset.layout import open_layout
from bids_deface.dataset.query import find_images
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
    assert names(layout, queries=read_filter_file(path)) == ["sub-01_acq-x_FLAIR.nii"]
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


def test_a_query_with_an_unknown_form_is_refused(tmp_path):
    path = tmp_path / "f.json"
    for content in ({"bold": {"run": {"a": 1}}}, {"bold": {}, "run": 1}):
        path.write_text(json.dumps(content))
        with pytest.raises(UsageError, match=r"each BIDS entity|mixes"):
            read_filter_file(path)


MANY = {
    **FILES,
    **dict.fromkeys(
        (
            "sub-01/func/sub-01_task-rest_run-1_bold.nii.gz",
            "sub-01/func/sub-01_task-rest_run-2_bold.nii.gz",
            "sub-01/func/sub-01_task-rest_run-1_sbref.nii.gz",
            "sub-01/fmap/sub-01_magnitude1.nii.gz",
            "sub-01/fmap/sub-01_phasediff.nii.gz",
            "sub-01/dwi/sub-01_dwi.nii.gz",
            "sub-01/dwi/sub-01_dwi.bval",
        ),
        b"",
    ),
}


def test_other_datatypes_come_after_anatomy_and_maps_last(make_bids):
    layout = open_layout(make_bids(MANY))
    wanted = {"participants": ("01",), "include": ("func", "fmap", "dwi")}
    assert names(layout, **wanted) == [
        "sub-01_T1w.nii.gz",
        "sub-01_T2w.nii.gz",
        "sub-01_acq-x_FLAIR.nii",
        "sub-01_magnitude1.nii.gz",
        "sub-01_task-rest_run-1_sbref.nii.gz",
        "sub-01_task-rest_run-1_bold.nii.gz",
        "sub-01_task-rest_run-2_bold.nii.gz",
        "sub-01_dwi.nii.gz",
        "sub-01_phasediff.nii.gz",
    ]
    only = names(layout, suffixes=("bold",), include=("func",))
    assert only == [
        "sub-01_task-rest_run-1_bold.nii.gz",
        "sub-01_task-rest_run-2_bold.nii.gz",
        "sub-02_ses-a_task-rest_bold.nii.gz",
    ]
    with pytest.raises(NothingMatchedError, match="Add --include func"):
        names(layout, suffixes=("bold",))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"t1w": {"session": "a"}}, ["sub-02_ses-a_T1w"]),
        ({"t1w": {}, "bold": {"run": 1}}, ["sub-01_T1w", "sub-02_ses-a_T1w", "run-1_bold"]),
        ({"bold": {"run": ["1", "02"]}}, ["run-1_bold", "run-2_bold"]),
        ({"bold": {"run": None}}, ["sub-02_ses-a_task-rest_bold"]),
        ({"any": {"suffix": "bold", "run": "*"}}, ["run-1_bold", "run-2_bold"]),
        ({"anat": {"acquisition": "*"}}, ["sub-01_acq-x_FLAIR"]),
        ({"fmap": {}}, []),
        ({"datatype": "anat", "extension": "nii"}, ["sub-01_acq-x_FLAIR"]),
        ({"suffix": "T2w", "EchoTime": [0.1, 0.2]}, ["sub-01_T2w"]),
        ({"suffix": "T2w", "EchoTime": 0.3}, []),
    ],
)
def test_filter_files_in_both_forms(make_bids, tmp_path, content, expected):
    layout = open_layout(make_bids({**MANY, "T2w.json": b'{"EchoTime": 0.1}'}))
    path = tmp_path / "filter.json"
    path.write_text(json.dumps(content))
    wanted = {"queries": read_filter_file(path), "include": ("func",)}
    if not expected:
        with pytest.raises(NothingMatchedError, match="anat, func"):
            names(layout, **wanted)
        return
    found = names(layout, **wanted)
    assert len(found) == len(expected)
    for end in expected:
        assert any(name.partition(".")[0].endswith(end) for name in found), (end, found)


def test_the_nearest_sidecar_wins_and_others_do_not_count(make_bids):
    sidecars = {
        "T1w.json": {"A": 0, "B": 0, "C": 0, "D": 0},
        "sub-02/sub-02_T1w.json": {"B": 1, "C": 1, "D": 1},
        "sub-02/ses-a/sub-02_ses-a_T1w.json": {"C": 2, "D": 2},
        "sub-02/ses-a/anat/sub-02_ses-a_T1w.json": {"D": 3},
        "sub-02/ses-b/sub-02_ses-b_T1w.json": {"A": 9},
        "acq-x_T1w.json": {"A": 9},
        "T2w.json": {"A": 9},
    }
    encoded = {name: json.dumps(content).encode() for name, content in sidecars.items()}
    layout = open_layout(make_bids({**FILES, **encoded}))
    record = find_images(layout, Filters(sessions=("a",)))[0]
    assert record.sidecar == {"A": 0, "B": 1, "C": 2, "D": 3}


def test_a_broken_sidecar_is_named_only_where_it_matters(make_bids, caplog):
    raw = make_bids({**FILES, "T2w.json": b"{broken"})
    (raw / "T1w.json").symlink_to(raw / "missing")
    layout = open_layout(raw)
    assert find_images(layout, Filters(suffixes=("T1w",)))[0].sidecar == {}
    assert "T1w.json" in caplog.text, "content that git-annex has not fetched"
    with pytest.raises(InvalidBIDSError, match=r"T2w\.json"):
        find_images(layout, Filters())
