"""What can go wrong: one clear line with the remedy, the right exit code, nothing half-written."""

from __future__ import annotations

import os
import shutil

import nibabel as nib
import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.population import SyntheticHead
from tests.conftest import command, tree

NAME = "sub-1/anat/sub-1_T1w.nii.gz"


def says(done, code, *words):
    """Assert exit code and one line that holds all words."""
    assert done.returncode == code, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    lines = (done.stderr + done.stdout).splitlines()
    assert any(all(word in line for word in words) for line in lines), lines


def nothing_in(folder):
    assert not folder.exists() or not [n for n in tree(folder) if n.endswith((".nii", ".gz"))]


def test_not_a_bids_folder(tmp_path):
    (tmp_path / "x").mkdir()
    says(
        command(tmp_path / "x", tmp_path / "o", "participant"), 16, "no BIDS dataset", "validator"
    )
    says(command(tmp_path / "none", tmp_path / "o", "participant"), 66, "does not exist", "path")


def test_no_anatomical_images(make_bids, tmp_path):
    raw = make_bids({"sub-1/func/sub-1_task-rest_bold.nii.gz": b""})
    says(command(raw, tmp_path / "o", "participant"), 18, "No anatomical image", "Check")
    nothing_in(tmp_path / "o")


def test_participant_that_does_not_exist(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    done = command(raw, tmp_path / "o", "participant", "--participant-label", "7")
    says(done, 18, "No participant named 7", "has: 1")


def test_unknown_level_feature_and_option(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    says(command(raw, tmp_path / "o", "session"), 17, "'session'", "participant or group")
    done = command(raw, tmp_path / "o", "participant", "--features", "chin")
    says(done, 64, "Unknown feature 'chin'", "eyes nose ears mouth")
    says(command(raw, tmp_path / "o", "participant", "--colour"), 64, "--colour", "--help")
    says(command(raw, tmp_path / "o", "participant", "--device", "cuda:99"), 69, "--device cpu")
    nothing_in(tmp_path / "o")


def test_group_level_without_results(make_bids, tmp_path):
    says(command(make_bids({NAME: b""}), tmp_path / "o", "group"), 66, "participant level first")


@pytest.fixture(scope="module")
def odd_images(head, stripped, head_file):
    """File content and the words that must be said of it."""
    shape = (60, 60, 60)
    affine = np.diag([3.0, 3.0, 3.0, 1.0])

    def image(data):
        return nifti_bytes(SyntheticHead(data.astype(np.int16), data, affine))

    noise = np.random.default_rng(0).rayleigh(50, shape)
    return {
        "truncated": (head_file.read_bytes()[:50_000], ("truncated", "Get the file again")),
        "no-nifti": (b"this is text, not an image", ("no NIfTI", "dcm2niix")),
        "zeros": (image(np.zeros(shape)), ("constant", "Exclude the image")),
        "noise": (image(noise), ("no head recognised", "Exclude the image")),
        "stripped": (nifti_bytes(stripped), ("brain without skull", "needs no defacing")),
        "colours": (colour_image(shape), ("Only images of numbers",)),
    }


def colour_image(shape):
    from isal import igzip

    rgb = np.zeros(shape, [(channel, "u1") for channel in "RGB"])
    return igzip.compress(nib.Nifti1Image(rgb, np.eye(4)).to_bytes())


def test_each_bad_image_is_named_and_the_good_one_is_done(
    odd_images, head_file, make_bids, tmp_path
):
    files = {f"sub-{n}/anat/sub-{n}_T1w.nii.gz": c for n, (c, _) in enumerate(odd_images.values())}
    raw = make_bids({**files, "sub-good/anat/sub-good_T1w.nii.gz": head_file.read_bytes()})
    before = tree(raw)
    out = tmp_path / "o"
    done = command(raw, out, "participant", "--nprocs", "1", "--omp-nthreads", "2")
    assert tree(raw) == before
    for number, (_, words) in enumerate(odd_images.values()):
        says(done, 1, f"sub-{number}_T1w.nii.gz", "FAIL", *words)
    images = [name for name in tree(out) if name.endswith(".nii.gz")]
    assert len(images) == 3
    assert all("sub-good" in name for name in images)


@pytest.mark.parametrize("kind", ["truncated", "no-nifti", "zeros", "noise", "stripped"])
def test_single_image_command_refuses(odd_images, kind, tmp_path):
    content, words = odd_images[kind]
    (tmp_path / "in.nii.gz").write_bytes(content)
    done = command(tmp_path / "in.nii.gz", tmp_path / "out.nii.gz", module="bids_deface.cli.image")
    says(done, 65, "in.nii.gz", *words)
    assert sorted(tree(tmp_path)) == ["in.nii.gz"]


def test_output_inside_the_input(make_bids):
    raw = make_bids({NAME: b""})
    before = tree(raw)
    says(
        command(raw, raw / "out", "participant"), 73, "inside the input", "derivatives/bids-deface"
    )
    says(command(raw, raw, "participant"), 73, "inside the input")
    assert tree(raw) == before


def test_output_that_cannot_be_written(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    (tmp_path / "file").write_text("x")
    says(command(raw, tmp_path / "file" / "o", "participant"), 73, "cannot be written", "Choose")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_output_folder_without_permission(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    (tmp_path / "o").mkdir(mode=0o500)
    says(command(raw, tmp_path / "o", "participant"), 73, "cannot be written", "Choose")


def test_folders_that_would_mix_with_data(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    before, out = tree(raw), tmp_path / "o"
    for work in (raw / "work", out / "work"):
        says(command(raw, out, "participant", "-w", work), 73, "work folder", "Choose another")
    done = command(raw, out, "participant", "--bids-database-dir", raw / "db")
    says(done, 73, "database", "inside the input")
    assert tree(raw) == before
    other = tmp_path / "fmriprep"
    other.mkdir()
    (other / "dataset_description.json").write_text('{"GeneratedBy": [{"Name": "fMRIPrep"}]}')
    says(command(raw, other, "participant"), 73, "another dataset", "Choose another")


def test_a_database_of_another_dataset_is_made_anew(make_bids, tmp_path):
    raw, database = make_bids({NAME: b""}), tmp_path / "db"
    first = command(
        raw, tmp_path / "o", "participant", "--dry-run", "--bids-database-dir", database
    )
    assert "sub-1_T1w" in first.stdout, first.stderr
    new = raw / "sub-2" / "anat" / "sub-2_T1w.nii.gz"
    new.parent.mkdir(parents=True)
    new.write_bytes(b"")
    again = command(
        raw, tmp_path / "o", "participant", "--dry-run", "--bids-database-dir", database
    )
    assert "sub-2_T1w" in again.stdout
    raw.rename(tmp_path / "moved")
    moved = command(
        tmp_path / "moved", tmp_path / "o", "participant", "--dry-run",
        "--bids-database-dir", database,
    )  # fmt: skip
    assert "sub-1_T1w" in moved.stdout, moved.stderr


def test_wrong_plugin_and_filter(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    done = command(raw, tmp_path / "o", "participant", "--nipype-plugin", "Magic")
    says(done, 64, "no plugin 'Magic'", "SLURM")
    (tmp_path / "f.json").write_text('{"t1w": {"suffix": "T1w"}}')
    done = command(raw, tmp_path / "o", "participant", "--bids-filter-file", tmp_path / "f.json")
    says(done, 64, "f.json", "each BIDS entity")


def test_missing_and_altered_weights(make_bids, tmp_path):
    raw = make_bids({NAME: b""})
    model = tmp_path / "m.safetensors"
    done = command(raw, tmp_path / "o", "participant", "--model", model)
    says(done, 69, "missing", "Install bids-deface again")
    shutil.copy(DEFAULT_WEIGHTS, model)
    sums = DEFAULT_WEIGHTS.with_name(DEFAULT_WEIGHTS.name + ".sha256")
    shutil.copy(sums, f"{model}.sha256")
    with model.open("r+b") as file:
        file.seek(5000)
        file.write(b"\xff\xff")
    done = command(raw, tmp_path / "o", "participant", "--model", model)
    says(done, 69, "altered", "Install bids-deface again")
    assert not (tmp_path / "o").exists()


def test_single_image_command_line_mistakes(head_file, tmp_path):
    run = "bids_deface.cli.image"
    says(command(tmp_path / "no.nii", tmp_path / "o.nii", module=run), 66, "no.nii", "path")
    done = command(head_file, tmp_path / "o.nii.gz", "--features", "chin", module=run)
    says(done, 64, "Unknown feature 'chin'")
    says(command(head_file, tmp_path / "o.txt", module=run), 73, "must end in .nii")
    done = command(head_file, tmp_path / "o.nii", "--mask-out", head_file, module=run)
    says(done, 73, "never overwritten")
    assert tree(tmp_path) == {}


def test_demo_into_a_folder_that_is_not_empty(tmp_path):
    (tmp_path / "x").write_text("mine")
    done = command(tmp_path, module="bids_deface.cli.demo")
    says(done, 73, "not empty", "new folder")
    assert list(tree(tmp_path)) == ["x"]
