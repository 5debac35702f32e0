"""Folders of any name, links in circles, pipes for scans, ways out of the dataset."""

from __future__ import annotations

import json
import os

import pytest

from bids_deface.cli.main import main
from bids_deface.containers.load import load_volume
from bids_deface.dataset.pairs import find_pairs
from bids_deface.errors import NoInputError
from tests.conftest import command, tree

#: What a shell, a template or a configuration file would stumble over.
ODD = "a b'c\"d $(touch x) `x`;& %(x)s {y} \u00fc\u4e2d"
NAME = "sub-1/anat/sub-1_T1w.nii.gz"


@pytest.mark.skipif(os.name != "posix", reason="names that Windows does not have")
def test_a_run_in_folders_of_any_name_with_links_in_circles(head_file, tmp_path):
    place = tmp_path / ODD
    raw = place / "raw"
    (raw / "sub-1/anat").mkdir(parents=True)
    (raw / "dataset_description.json").write_text('{"Name": "<b>x</b>", "BIDSVersion": "1.10.0"}')
    (raw / NAME).write_bytes(head_file.read_bytes())
    (raw / "sub-1/anat/up").symlink_to("..")
    (raw / "sub-1/me").symlink_to("me")
    (raw / "sub-2").symlink_to("sub-2")
    before = tree(place)
    arguments = ["raw/../raw", "w/../out", "participant", "-w", "w/../work", "--nprocs", "1"]
    (place / "w").mkdir()
    done = command(*arguments, cwd=place)
    assert "1 of 1 images passed" in done.stdout, done.stdout + done.stderr
    after = tree(place)
    assert {name: after[name] for name in before} == before
    assert {path.name for path in place.iterdir()} == {"raw", "out", "work", "w"}
    assert [path.name for path in tmp_path.iterdir()] == [ODD]


@pytest.mark.parametrize("label", ["../sub-1", "*", "1/anat", "'; x", ""])
def test_labels_are_words_and_no_ways(make_bids, tmp_path, capsys, label):
    raw = make_bids({NAME: b""})
    assert main([str(raw), str(tmp_path / "o"), "participant", "--participant-label", label]) == 18
    assert f"No participant named {label}" in capsys.readouterr().err
    assert not list((tmp_path / "o").rglob("*1*"))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.nii.gz")
    (tmp_path / "zero.nii").symlink_to("/dev/zero")
    (tmp_path / "folder.nii").mkdir()
    (tmp_path / "loop.nii").symlink_to("loop.nii")
    for name in ("pipe.nii.gz", "zero.nii", "folder.nii", "loop.nii"):
        with pytest.raises(NoInputError, match=name):
            load_volume(tmp_path / name)


@pytest.mark.parametrize(
    "source", ["../secret.nii", "sub-1/../../secret.nii", "/etc/passwd", "sub-1/..", 7, None, [[]]]
)
def test_a_sidecar_leads_out_of_no_dataset(tmp_path, source):
    raw, out = tmp_path / "raw", tmp_path / "out"
    (raw / "sub-1").mkdir(parents=True)
    (out / "sub-1/anat").mkdir(parents=True)
    (tmp_path / "secret.nii").write_text("x")
    stem = out / "sub-1/anat/sub-1_desc-defaced_T1w"
    stem.with_suffix(".nii.gz").write_bytes(b"")
    named = f"bids:raw:{source}" if isinstance(source, str) else source
    stem.with_suffix(".json").write_text(json.dumps({"Sources": [named]}))
    with pytest.raises(NoInputError, match="holds no defaced image"):
        find_pairs(raw, out)
