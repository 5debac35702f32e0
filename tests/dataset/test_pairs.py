from __future__ import annotations

import json

import pytest

from bids_deface.dataset.pairs import find_pairs, read_pairs
from bids_deface.errors import NoInputError, UsageError


@pytest.fixture
def folders(tmp_path):
    """Return a function that makes raw and defaced images from raw names and what Sources say."""
    raw, out = tmp_path / "raw", tmp_path / "out"

    def make(images: dict[str, object]):
        for relative, sources in images.items():
            stem, _, suffix = relative.removesuffix(".nii.gz").rpartition("_")
            defaced = out / f"{stem}_desc-defaced_{suffix}.nii.gz"
            for path in (raw / relative, defaced):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(b"")
            sidecar = defaced.with_name(defaced.name.replace(".nii.gz", ".json"))
            sidecar.write_text(json.dumps({"Sources": sources}))
        return raw, out

    return make


def raw(relative: str) -> list[str]:
    return [f"bids:raw:{relative}"]


def test_sources_tell_the_original(folders):
    name = "sub-01/anat/sub-01_T1w.nii.gz"
    other = "sub-02/ses-b/anat/sub-02_ses-b_run-1_T1w.nii.gz"
    # The sidecar counts, not the name.
    images = {name: raw(other), other: raw(name)}
    one, two = find_pairs(*folders(images))
    assert (one.name, two.name) == ("sub-01", "sub-02")
    assert one.original.name == "sub-01_T1w.nii.gz"
    assert one.defaced.name == "sub-02_ses-b_run-1_desc-defaced_T1w.nii.gz"
    assert two.original.name == "sub-02_ses-b_run-1_T1w.nii.gz"


def test_one_head_for_each_subject_the_best_reference(folders):
    names = [
        "sub-01/anat/sub-01_T2w.nii.gz",
        "sub-01/anat/sub-01_T1w.nii.gz",
        "sub-01/ses-2/anat/sub-01_ses-2_T1w.nii.gz",
        "sub-02/anat/sub-02_FLAIR.nii.gz",
        "sub-02/anat/sub-02_T1map.nii.gz",
        "sub-03/anat/sub-03_part-phase_T1w.nii.gz",
    ]
    pairs = find_pairs(*folders({name: raw(name) for name in names}))
    assert [pair.original.name for pair in pairs] == ["sub-01_T1w.nii.gz", "sub-02_FLAIR.nii.gz"]


@pytest.mark.parametrize(
    "sources",
    [
        None,
        [],
        7,
        [7],
        ["bids:other:sub-01/anat/sub-01_T1w.nii.gz"],
        ["bids:raw:sub-01/../../secret.nii.gz"],
        ["bids:raw:/etc/hostname"],
        ["bids:raw:sub-01/anat/sub-01_gone.nii.gz"],
    ],
)
def test_sources_that_tell_nothing_are_no_pair(folders, sources):
    with pytest.raises(NoInputError, match="no defaced image whose original"):
        find_pairs(*folders({"sub-01/anat/sub-01_T1w.nii.gz": sources}))


def test_broken_sidecars_and_images_that_await_review_are_no_pair(folders):
    name = "sub-01/anat/sub-01_T1w.nii.gz"
    originals, out = folders({name: raw(name)})
    review = out / "private" / "review" / "sub-02"
    review.mkdir(parents=True)
    (review / "sub-02_desc-defaced_T1w.json").write_text(json.dumps({"Sources": raw(name)}))
    (review / "sub-02_desc-defaced_T1w.nii.gz").write_bytes(b"")
    assert len(find_pairs(originals, out)) == 1
    (out / "sub-01/anat/sub-01_desc-defaced_T1w.json").write_text("{")
    with pytest.raises(NoInputError):
        find_pairs(originals, out)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(NoInputError, match="nowhere"):
        find_pairs(tmp_path / "nowhere", tmp_path)


def test_a_table_names_pairs_from_its_own_folder(tmp_path):
    for name in ("a.nii.gz", "a_defaced.nii.gz"):
        (tmp_path / name).write_bytes(b"")
    table = tmp_path / "pairs.tsv"
    table.write_text("defaced\toriginal\na_defaced.nii.gz\ta.nii.gz\n")
    (pair,) = read_pairs(table)
    assert (pair.original, pair.defaced) == (tmp_path / "a.nii.gz", tmp_path / "a_defaced.nii.gz")
    table.write_text(table.read_text() + "a_defaced.nii.gz\ta.nii.gz\n")
    with pytest.raises(UsageError, match="twice"):
        read_pairs(table)
    table.write_text("defaced\toriginal\ngone.nii.gz\ta.nii.gz\n")
    with pytest.raises(NoInputError, match=r"gone\.nii\.gz"):
        read_pairs(table)


@pytest.mark.parametrize("content", ["", "original\tdefaced\n", "original\nx.nii\n"])
def test_a_table_without_the_columns_or_rows_is_refused(tmp_path, content):
    table = tmp_path / "pairs.tsv"
    table.write_text(content)
    with pytest.raises(UsageError, match="columns original and defaced"):
        read_pairs(table)
