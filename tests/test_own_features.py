"""Features that only some weights know: found, hidden, judged, told of."""

from __future__ import annotations

import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.assurance.verdict import Decision
from bids_deface.containers.load import load_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.dataset.sidecars import label_table
from bids_deface.deface import deface_volume
from bids_deface.detection.featuremap import load_features, save_features
from bids_deface.feature_check import table_from
from bids_deface.population import SyntheticHead, synthetic_head
from bids_deface.record import success_record
from bids_deface.reports.group import write_group_table
from bids_deface.reports.group_rows import group_rows
from bids_deface.reports.image_report import Files, MeshBudget, image_report
from bids_deface.reports.records import feature_names
from bids_deface.settings import DefaceSettings
from tests.own_features import CHIN, TABLE, ChinDetector, example


@pytest.fixture(scope="module")
def coarse():
    """A made-up head of 2.5 mm and its chin."""
    head = synthetic_head(np.random.default_rng(5), zoom=1.67)
    return head, example().chin_of(head)


@pytest.fixture(scope="module")
def scan(coarse, tmp_path_factory):
    path = tmp_path_factory.mktemp("own") / "head.nii.gz"
    path.write_bytes(nifti_bytes(coarse[0]))
    return load_volume(path)


@pytest.fixture(scope="module")
def done(coarse, scan):
    """Everything hidden, the chin among it."""
    settings = DefaceSettings.of(random_seed=1, table=TABLE)
    return settings, deface_volume(scan, settings, ChinDetector(*coarse))


def test_the_chin_is_found_and_hidden_with_the_front(coarse, scan, done):
    _, chin = coarse
    _, result = done
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    report = next(r for r in result.features.regions if r.name == "chin")
    assert report.status == "found"
    assert (result.dseg == 8)[chin].mean() > 0.9
    changed = result.volume.data != scan.data
    assert changed[chin].sum() > 100
    assert not changed[result.dseg == BRAIN].any()
    assert not (changed & ~result.mask.astype(bool)).any()
    assert result.inspection.untouched[8] < 0.2
    # One surface spans all of the front: nothing is written at the chin on its own.
    assert sum(edit.n_inside.get(8, 0) > 0 for edit in result.edits) == 1


@pytest.mark.parametrize("method", ["flatten", "remove", "noise"])
def test_each_method_hides_it_alone(coarse, scan, method):
    head, chin = coarse
    settings = DefaceSettings.of(["chin"], random_seed=1, table=TABLE, methods={"chin": method})
    result = deface_volume(scan, settings, ChinDetector(head, chin))
    assert result.verdict.decision is Decision.PASS, result.verdict.reasons
    changed = result.volume.data != scan.data
    assert changed[chin].mean() > (0.9 if method == "noise" else 0.1)
    assert not changed[np.isin(result.dseg, (1, 2, 3, 4, 5, BRAIN))].any()
    if method != "flatten":
        assert np.median(result.volume.data[chin & changed]) < 80
    assert set(result.features.table.names) == {"chin"}


def test_records_and_pages_tell_of_it(done, tmp_path):
    settings, result = done
    record = success_record("sub-01/anat/sub-01_T1w.nii.gz", settings, result)
    assert record["Features"][-1] == "chin"
    assert record["Regions"]["chin"]["Status"] == "found"
    assert record["ExtraUntouched"]["chin"]["LimitMl"] == 0.5
    assert "chin" in record["Methods"]
    assert label_table(record).splitlines()[-1] == "8\tchin\t#e69f00"
    assert (result.dseg_volume.data == 8).sum() > (result.dseg == 8).sum(), "a box, no outline"
    page = image_report(record, Files(tmp_path, record, private=False), MeshBudget())
    told = str(page)
    assert "Feature of this model" in told
    assert "#e69f00" in told
    other = {"Source": "sub-02/anat/sub-02_T1w.nii.gz", "Verdict": "FAIL", "Reasons": ["x"]}
    assert feature_names([record, other])[-1] == "chin"
    rows = group_rows([record, other])
    assert [row["statuses"][-1] for row in rows] == ["found", ""]
    header, first, second = write_group_table(tmp_path, [record, other]).read_text().splitlines()
    column = header.split("\t").index("feature_chin")
    assert [line.split("\t")[column] for line in (first, second)] == ["found", "n/a"]


def test_what_is_known_of_it_survives_a_file(done, tmp_path):
    features = done[1].features
    save_features(features, tmp_path / "f.npz")
    assert load_features(tmp_path / "f.npz").table == TABLE
    assert load_features(tmp_path / "f.npz").regions == features.regions


def nothing(head):
    return np.zeros(head.data.shape, dtype=bool)


def test_a_missing_one_awaits_review_unless_it_is_optional(coarse, scan):
    head, _ = coarse
    for expected, decision in ((True, Decision.REVIEW), (False, Decision.PASS)):
        table = table_from({"chin": {**CHIN, "expected": expected}})
        detector = ChinDetector(head, nothing(head), table)
        settings = DefaceSettings.of(random_seed=1, table=table)
        result = deface_volume(scan, settings, detector)
        assert result.verdict.decision is decision, result.verdict.reasons
        assert ("chin was not found" in result.verdict.reasons) == expected


def test_one_outside_of_the_field_of_view_is_not_missed(coarse):
    head, _ = coarse
    lowest = int(np.argwhere(head.dseg == 6)[:, 2].min())
    affine = head.affine.copy()
    affine[:3, 3] += affine[:3, 2] * lowest
    cut = SyntheticHead(head.data[..., lowest:], head.dseg[..., lowest:], affine)
    detector = ChinDetector(cut, nothing(cut))
    reports = detector.detect(cut.data, cut.affine).regions
    assert next(r for r in reports if r.name == "chin").status == "outside"


def test_what_is_left_of_it_awaits_review(coarse, scan):
    """A brain that lies over the chin keeps it from being hidden: that must not pass."""
    head, chin = coarse
    strict = table_from({"chin": {**CHIN, "left_ml": 0.0, "method": "noise"}})

    class Swollen(ChinDetector):
        def detect(self, image, affine):
            found = super().detect(image, affine)
            middle = np.argwhere(chin)[:, 0].mean()
            found.dseg[chin & (np.indices(chin.shape)[0] > middle)] = BRAIN
            return found

    settings = DefaceSettings.of(["chin"], random_seed=1, table=strict)
    result = deface_volume(scan, settings, Swollen(head, chin, strict))
    assert result.verdict.decision is Decision.REVIEW
    assert any("chin are as they were" in reason for reason in result.verdict.reasons)
    changed = result.volume.data != scan.data
    assert not changed[result.dseg == BRAIN].any()
