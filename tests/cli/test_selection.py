"""Which images the command line takes: only what was asked for, from that session."""

from __future__ import annotations

import json

import pytest

from bids_deface.cli.main import main
from tests.dataset.test_bids_examples import planned

IMAGES = (
    "sub-01/ses-a/anat/sub-01_ses-a_T1w.nii.gz",
    "sub-01/ses-a/anat/sub-01_ses-a_acq-x_T2w.nii.gz",
    "sub-01/ses-a/func/sub-01_ses-a_task-rest_bold.nii.gz",
    "sub-01/ses-b/anat/sub-01_ses-b_T1w.nii.gz",
    "sub-02/anat/sub-02_T1w.nii.gz",
)
A_T1W, A_T2W, A_BOLD, B_T1W, NO_SESSION = IMAGES
OTHERS = {
    ".bidsignore": b"extra/\n",
    "sub-01/ses-a/extra/sub-01_ses-a_T1w.nii.gz": b"",
    "sub-01/ses-a/sub-01_ses-a_scans.tsv": b"filename\nanat/sub-01_ses-a_T1w.nii.gz\n",
}


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ("", [A_T1W, A_T2W, B_T1W, NO_SESSION]),
        ("--session-label a", [A_T1W, A_T2W]),
        ("--session_label ses-a ses-b", [A_T1W, A_T2W, B_T1W]),
        ("--participant-label sub-02", [NO_SESSION]),
        ("--participant_label 01 --session-label ses-b", [B_T1W]),
        ("-m T2w", [A_T2W]),
        ("--include func --session-label a", [A_T1W, A_T2W, A_BOLD]),
        ("--include func -m bold", [A_BOLD]),
        ("--bids-filter-file F", [A_T2W, A_BOLD]),
        ("--bids-filter-file F --include func --session-label a", [A_T2W, A_BOLD]),
        ("--session-label c", []),
        ("--participant-label 02 --session-label a", []),
    ],
)
def test_only_what_was_asked_for_is_planned(make_bids, tmp_path, capsys, options, expected):
    raw = make_bids({**dict.fromkeys(IMAGES, b""), **OTHERS})
    queries = {"t2w": {"acquisition": "x"}, "bold": {"session": "a"}, "t1w": {"run": "*"}}
    (tmp_path / "f.json").write_text(json.dumps(queries))
    words = [str(tmp_path / "f.json") if word == "F" else word for word in options.split()]
    code = main([str(raw), str(tmp_path / "o"), "participant", "--dry-run", *words])
    if "func" not in words:
        expected = [image for image in expected if image != A_BOLD]
    assert planned(capsys.readouterr().out) == expected
    assert code == (0 if expected else 18)


def test_images_that_bids_does_not_know_are_named(make_bids, tmp_path, capsys):
    names = ["sub-02/anat/sub-02_T1w_old.nii.gz", "sub-01/ses-a/anat/sub-01_ses-a_mprage.nii"]
    elsewhere = ["sub-02/func/sub-02_x.nii.gz", "sub-02/anat/T1w.txt"]
    files = dict.fromkeys([*IMAGES, *names, *elsewhere], b"")
    raw = make_bids({**files, **OTHERS})
    arguments = [str(raw), str(tmp_path / "o"), "participant", "--dry-run"]
    assert main(arguments) == 0
    done = capsys.readouterr()
    assert f"(2): {names[1]}, {names[0]}\n" in done.err
    assert main([*arguments, "--include", "func"]) == 0
    assert "(3)" in capsys.readouterr().err
    (raw / ".bidsignore").write_text("extra/\n*_old.nii.gz\n*_mprage.nii\n")
    assert main(arguments) == 0
    assert capsys.readouterr().err == ""
    (raw / ".bidsignore").unlink()
    assert main([*arguments, "--skip-bids-validation", "-m", "mprage"]) == 0
    done = capsys.readouterr()
    assert planned(done.out) == [names[1]]
    assert f"(1): {names[0]}\n" in done.err, "its suffix was not asked for"
