from __future__ import annotations

import csv
import json
from dataclasses import replace

import nibabel as nib
import numpy as np
import pytest

from bids_deface.anatomy import BRAIN
from bids_deface.cli.train import main
from bids_deface.training import stress
from bids_deface.training.evaluation import Score, score_head, summarise
from bids_deface.training.stress import STRESS
from tests.conftest import command


def test_every_perturbation_is_repeatable_and_does_something(labelled):
    names = [condition.name for condition in STRESS]
    assert len(names) == len(set(names)) >= 15
    for condition in STRESS:
        one, two = condition.apply(labelled), condition.apply(labelled)
        np.testing.assert_array_equal(one.image, two.image)
        assert one.image.shape == one.dseg.shape
        same = one.image.shape == labelled.image.shape and np.array_equal(
            one.image, labelled.image
        )
        assert not same or not np.array_equal(one.affine, labelled.affine), condition.name


@pytest.mark.parametrize("name", ["0.6 mm voxels", "3 mm voxels", "nose cut", "upside down"])
def test_grids_change_and_labels_stay_with_the_head(labelled, name):
    """The brain keeps its volume; where only the sampling changes, its place too."""
    condition = next(c for c in STRESS if c.name == name)
    out = condition.apply(labelled)

    def brain(head):
        ijk = np.argwhere(head.dseg == BRAIN)
        volume = len(ijk) * abs(np.linalg.det(head.affine[:3, :3]))
        return volume, head.affine[:3, :3] @ ijk.mean(0) + head.affine[:3, 3]

    (volume, place), (was, there) = brain(out), brain(labelled)
    assert volume == pytest.approx(was, rel=0.05)
    moved = there * (1, -1, -1) if name == "upside down" else there
    np.testing.assert_allclose(place, moved, atol=1.0)


def test_the_detector_scores_well_on_the_average_head(labelled, detector):
    rows = {row.region: row for row in summarise(score_head(detector, labelled, "plain"))}
    for name, least in (
        ("eyes", 0.8),
        ("nose", 0.7),
        ("ears", 0.5),
        ("mouth", 0.7),
        ("brain", 0.9),
    ):
        assert rows[name].dice > least, rows[name]
        assert rows[name].recall == 1
        assert rows[name].coverage > 0.9
        assert rows[name].false_alarms == rows[name].silent_misses == 0


@pytest.mark.parametrize(
    ("visible", "status", "apart", "hit", "alarm", "silent"),
    [
        (True, "found", 3.0, True, False, False),
        (True, "cut_off", 9.9, True, False, False),
        (True, "found", 30.0, False, False, True),
        (True, "absent", np.nan, False, False, True),
        (True, "doubtful", 3.0, False, False, False),
        (True, "refused", np.nan, False, False, False),
        (False, "found", np.nan, False, True, False),
        (False, "absent", np.nan, False, False, False),
    ],
)
def test_hits_alarms_and_silent_misses(visible, status, apart, hit, alarm, silent):
    score = Score("a", "plain", "nose", visible, status, 0.9, 1.0, apart, 1.0)
    assert (score.is_hit, score.is_false_alarm, score.is_silent_miss) == (hit, alarm, silent)
    assert not replace(score, guessed=True).is_silent_miss, "the whole image awaits review"
    row = summarise([score])[0]
    assert (row.n, row.false_alarms, row.silent_misses) == (int(visible), int(alarm), int(silent))


def test_evaluate_from_the_command_line(table, tmp_path, monkeypatch, capsys):
    """With a few perturbations: all of them take minutes (``tests/real``)."""
    few = tuple(c for c in STRESS if c.name in ("T2w-like", "nose cut", "skull-stripped"))
    monkeypatch.setattr(stress, "STRESS", few)
    out = tmp_path / "new" / "scores.tsv"
    arguments = ["--stress", "--limit", "1", "--threads", "2", "--out", str(out)]
    assert main(["evaluate", "--data", str(table), *arguments]) == 0
    assert "mean Dice of the facial features" in capsys.readouterr().out
    with out.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert len(rows) == 5 * (len(few) + 1)
    assert float(rows[0]["dice"]) > 0.7
    document = json.loads(out.with_suffix(".json").read_text())
    assert document["Heads"] == 1
    assert len(document["Scores"]) == 7 * (len(few) + 1)
    assert out.with_suffix(".png").stat().st_size > 10_000


@pytest.mark.parametrize("case", ["missing", "other shape", "other grid", "no table", "not tsv"])
def test_evaluate_says_what_is_wrong(table, tmp_path, case):
    head = nib.load(table / "0_label.nii.gz")
    data, affine = np.asarray(head.dataobj), head.affine
    if case == "other shape":
        data = data[1:]
    if case == "other grid":
        affine = np.diag([-1, 1, 1, 1]) @ affine
    if case != "missing":
        nib.save(nib.Nifti1Image(data, affine), tmp_path / "label.nii.gz")
    lines = (table / "heads.tsv").read_text().splitlines()
    row = ["x", "val", str(table / "0_image.nii.gz"), str(tmp_path / "label.nii.gz"), ""]
    if case != "no table":
        (tmp_path / "heads.tsv").write_text(lines[0] + "\n" + "\t".join(row) + "\n")
    out = tmp_path / ("a.json" if case == "not tsv" else "a.tsv")
    done = command(
        "evaluate", "--data", tmp_path, "--out", out, module="bids_deface.cli.train", cwd=tmp_path
    )
    code, words = {
        "missing": (65, "label.nii.gz"),
        "other shape": (65, "differ in grid"),
        "other grid": (65, "differ in grid"),
        "no table": (66, "heads.tsv"),
        "not tsv": (64, "must end in .tsv"),
    }[case]
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_contact_sheet_from_the_command_line(table, tmp_path):
    out = tmp_path / "sheet.png"
    done = command(
        "samples", "--data", table, "--number", "3", "--out", out, module="bids_deface.cli.train"
    )
    assert done.returncode == 0, done.stderr
    assert "private" in done.stdout
    assert out.stat().st_size > 10_000
