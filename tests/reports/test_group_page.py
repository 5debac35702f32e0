from __future__ import annotations

import csv
import json
import os
import re
from html import unescape

import numpy as np
import pytest
from PIL import Image

from bids_deface.reports.group import write_group_table
from bids_deface.reports.group_page import drop_stale_thumbnails, group_html, write_group_page
from bids_deface.reports.group_rows import group_rows
from bids_deface.reports.outliers import outliers_among, robust_z
from bids_deface.reports.pages import json_block
from bids_deface.reports.records import feature_statuses, read_records, shareable_pictures
from bids_deface.reports.subject import write_subject_page
from bids_deface.reports.thumbnails import WIDTH, without_margins
from tests.conftest import tree
from tests.reports.samples import NASTY, a_dataset, failed, passed, review, write_dataset

T1W = "sub-1/anat/sub-1_T1w.nii.gz"
T2W = "sub-1/anat/sub-1_T2w.nii.gz"


@pytest.fixture
def out(tmp_path):
    return write_dataset(tmp_path / "out", a_dataset())


def data_of(page):
    block = re.search(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    data = json.loads(block[1])
    return [dict(zip(data["fields"], row, strict=True)) for row in data["rows"]]


def test_every_image_is_a_row_that_leads_to_its_place_on_the_subjects_page(out):
    for subject in range(1, 13):
        own = [r for r in a_dataset() if r["Source"].startswith(f"sub-{subject:02}/")]
        page = write_subject_page(out, f"{subject:02}", own).read_text()
        assert 'href="group_deface.html"' in page
    rows = data_of(write_group_page(out).read_text())
    assert [row["source"] for row in rows] == [r["Source"] for r in read_records(out)]
    for row in rows:
        page, _, anchor = row["link"].partition("#")
        heading = re.search(rf'<h2 id="{anchor}">(.*?)</h2>', (out / page).read_text())
        assert heading[1] == row["source"]


def test_no_link_to_a_page_that_is_not_there(out):
    assert {row["link"] for row in data_of(write_group_page(out).read_text())} == {""}


def test_rows_hold_what_the_records_say():
    source = "sub-1/ses-2/func/sub-1_ses-2_task-rest_bold.nii.gz"
    record = review(source, RegionsFrom=T1W, Features=["nose"], Seconds=float("nan"))
    record["Residues"]["nose"]["HeightMm"] = 4.5
    row, bare = group_rows([record, {"Source": T1W, "Verdict": "PASS"}])
    assert (row["subject"], row["session"], row["suffix"]) == ("1", "2", "bold")
    assert row["statuses"] == [
        "found; not to be hidden",
        "doubtful",
        "left cut off, right found; not to be hidden",
        "found; not to be hidden",
    ]
    assert (row["faces_before"], row["faces_after"]) == (6, 1)
    assert (row["height"], row["height_at"], row["nose_left"]) == (4.5, "nose", 4.5)
    assert row["seconds"] is None
    assert row["notes"] == [f"regions taken from {T1W}"]
    assert bare["changed"] is None
    assert bare["statuses"] == [""] * 4
    assert feature_statuses(failed(T1W)) == {}


def test_whatever_names_and_reasons_hold_stays_text(tmp_path):
    nasty = f"sub-1/anat/sub-1_{NASTY.replace('/', '')}_T1w.nii.gz"
    rows = group_rows([failed(nasty), failed(T1W, "\u2028 <!-- \udc80")])
    page = group_html([{**row, "thumbnail": ""} for row in rows])
    assert "<img" not in page
    assert "<!-- " not in page
    assert page.count("</script>") == 2
    assert [row["reasons"] for row in data_of(page)] == [[NASTY], ["\u2028 <!-- \udc80"]]
    assert not set("<>&") & set(json_block({"<&>": NASTY}))
    page.encode()


def test_nothing_from_outside_the_page_may_be_loaded(out):
    page = write_group_page(out).read_text()
    policy = unescape(re.search(r'Content-Security-Policy" content="(.*?)"', page)[1])
    assert policy.startswith("default-src 'none'; img-src 'self'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert re.findall(r"https?://[^\"' ]+", page) == ["http://www.w3.org/2000/svg"]
    assert " style=" not in page


def test_only_what_may_be_shared_gets_a_thumbnail(out):
    page = write_group_page(out).read_text()
    assert "private/" not in page
    assert str(out) not in page
    rows = data_of(page)
    with_picture = {row["source"] for row in rows if row["thumbnail"]}
    may = {
        r["Source"] for r in a_dataset() if r["Verdict"] == "PASS" and "T1map" not in r["Source"]
    }
    assert with_picture == may
    assert {row["thumbnail"] for row in rows} - {""} == set(tree(out)) & {
        f"figures/group/{row['name'].rpartition('_')[0]}_desc-defaced_{row['suffix']}.jpg"
        for row in rows
    }


@pytest.mark.parametrize(
    "name",
    ["private/sub-1/figures/a_desc-defaced.png", "sub-1/figures/../../private/a_desc-defaced.png",
     "/sub-1/figures/a_desc-defaced.png", "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz"],
)  # fmt: skip
def test_pictures_elsewhere_are_not_for_sharing(name):
    assert shareable_pictures({"Verdict": "PASS", "Files": [name]}) == []
    assert shareable_pictures({"Verdict": "REVIEW", "Files": ["sub-1/figures/a.png"]}) == []


def test_thumbnails_go_when_an_image_may_no_longer_be_shared(tmp_path):
    write_dataset(tmp_path, [passed(T1W), passed(T2W)])
    write_group_page(tmp_path)
    kept, gone = (tmp_path / f"figures/group/sub-1_desc-defaced_{s}.jpg" for s in ("T2w", "T1w"))
    assert kept.is_file()
    assert gone.is_file()
    write_dataset(tmp_path, [review(T1W), passed(T2W)])
    drop_stale_thumbnails(tmp_path)
    assert kept.is_file()
    assert not gone.exists()


def test_thumbnails_are_made_once_for_each_picture(tmp_path):
    write_dataset(tmp_path, [passed(T1W)])
    write_group_page(tmp_path)
    thumbnail = tmp_path / "figures/group/sub-1_desc-defaced_T1w.jpg"
    first = thumbnail.stat()
    with Image.open(thumbnail) as image:
        assert image.width == WIDTH
        assert np.asarray(image).std() > 20
    write_group_page(tmp_path)
    assert thumbnail.stat().st_ino == first.st_ino
    picture = tmp_path / "sub-1/figures/sub-1_desc-defaced_T1w.png"
    os.utime(picture, (first.st_mtime + 60, first.st_mtime + 60))
    write_group_page(tmp_path)
    assert thumbnail.stat().st_ino != first.st_ino


def test_a_broken_picture_is_left_out(tmp_path):
    write_dataset(tmp_path, [passed(T1W)])
    (tmp_path / "sub-1/figures/sub-1_desc-defaced_T1w.png").write_bytes(b"\x89PNG")
    assert [row["thumbnail"] for row in data_of(write_group_page(tmp_path).read_text())] == [""]


def test_margins_go_but_no_view_does():
    picture = np.full((100, 400), 16, np.uint8)
    picture[20:60, [50, 150, 250, 370]] = 200
    small = without_margins(picture)
    assert small.shape == (48, 4 * 29)
    assert (small.max(axis=0) == 200).sum() == 4
    dark = np.zeros((10, 40), np.uint8)
    assert without_margins(dark) is dark


def test_outliers_are_those_far_from_the_median_of_their_kind():
    usual = [10.0 + 0.1 * (i % 5) for i in range(20)]
    assert outliers_among([*usual, 12.0], ["T1w"] * 21) == [False] * 20 + [True]
    assert not any(outliers_among([*usual, 12.0], ["T1w"] * 20 + ["T2w"]))
    assert not any(outliers_among([1.0, 1.0, 1.0, 99.0], ["T1w"] * 4)), "too few to compare"
    assert robust_z([0.0] * 12) == [0.0] * 12
    assert robust_z([*usual, None, float("nan")])[-2:] == [None, None]
    mostly_equal = [0.0] * 20 + [3.0]
    assert outliers_among(mostly_equal, ["T1w"] * 21)[-1]
    # Half of these lie within 1 of the median 5: by definition 0.6745 robust deviations each.
    assert robust_z([4.0, 5.0, 6.0] * 4)[2] == pytest.approx(0.6745)


def test_outliers_are_named_in_their_rows(out):
    rows = group_rows(read_records(out))
    marked = {row["name"]: row["outliers"] for row in rows if row["outliers"]}
    assert marked == {"sub-03_ses-2_T2w": ["brain"], "sub-07_ses-1_T1w": ["seconds"]}


def test_the_identity_test_is_shown_where_there_is_one(out):
    assert "Identity test" not in write_group_page(out).read_text()
    ends = ("", "_low", "_high", "_chance")
    columns = [
        "attacker",
        "area",
        "probe",
        "heads",
        *(r + e for r in ("rank_1", "top_5") for e in ends),
    ]
    values = ["surface", "<face>", "defaced", 24, *(0.0833, 0.02, 0.26, 0.0417) * 2]
    with (out / "group_identity.tsv").open("w", newline="") as file:
        csv.writer(file, delimiter="\t").writerows([columns, values])
    page = write_group_page(out).read_text()
    assert "8 % (2 to 26)" in page
    assert "&lt;face&gt;" in page
    (out / "group_identity.tsv").write_text("half a ta")
    assert "Identity test" not in write_group_page(out).read_text()


def test_records_that_come_meanwhile_are_on_the_page(tmp_path, monkeypatch):
    from bids_deface.reports import group_page

    write_dataset(tmp_path, [passed(T1W)])
    whole = group_page.group_html

    def slow(rows, identity, features):
        if len(rows) == 1:
            write_dataset(tmp_path, [passed(T1W), passed(T2W)])
        return whole(rows, identity, features)

    monkeypatch.setattr(group_page, "group_html", slow)
    assert len(data_of(write_group_page(tmp_path).read_text())) == 2


def test_same_records_same_page(out):
    assert write_group_page(out).read_bytes() == write_group_page(out).read_bytes()


def test_the_table_has_the_features_too(out):
    with write_group_table(out, read_records(out)).open() as file:
        rows = {row["source"]: row for row in csv.DictReader(file, delimiter="\t")}
    doubtful = rows["sub-04/ses-1/anat/sub-04_ses-1_T2w.nii.gz"]
    assert doubtful["nose"] == "doubtful"
    assert doubtful["ears"] == "left cut off, right found"
    assert rows["sub-02/ses-1/anat/sub-02_ses-1_FLAIR.nii.gz"]["eyes"] == "n/a"
