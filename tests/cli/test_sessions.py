"""A session is one head: what a run makes of families, maps, slabs and stripped images."""

from __future__ import annotations

import json

import nibabel as nib
import numpy as np
import pytest

from bids_deface.containers.load import load_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import SyntheticHead, synthetic_head
from tests.conftest import command
from tests.dataset.test_derivatives import validate

FOLDER = "sub-1/ses-a/anat/sub-1_ses-a"
PARTS = [f"echo-{echo}_part-{part}" for echo in "12" for part in ("mag", "phase")]


def person(contrast: str = "T1w", zoom: float = 2.0, seed: int = 0) -> SyntheticHead:
    """One person, 3 mm."""
    rng, shape = np.random.default_rng(seed), np.random.default_rng(5)
    return synthetic_head(rng, contrast=contrast, zoom=zoom, shape_rng=shape)


def megre() -> dict[str, bytes]:
    """Two echoes, magnitude and phase."""
    files = {}
    for n, part in enumerate(PARTS):
        head = person(seed=n)
        data = head.data // (1 + n // 2)
        if "phase" in part:
            data = np.random.default_rng(n).integers(-4096, 4096, data.shape).astype(np.int16)
        files[f"{FOLDER}_{part}_MEGRE.nii.gz"] = nifti_bytes(
            SyntheticHead(data, head.dseg, head.affine)
        )
        files[f"{FOLDER}_{part}_MEGRE.json"] = json.dumps(
            {
                "EchoTime": 0.01 * (1 + n // 2),
                **({"Units": "arbitrary"} if "phase" in part else {}),
            }
        ).encode()
    return files


def slab() -> bytes:
    """A T2w of the upper face only: nobody can tell by itself what the rest is."""
    head = person("T2w", zoom=1.5, seed=9)
    k = int(np.argwhere(head.dseg == 3)[:, 2].mean())
    affine = head.affine.copy()
    affine[:3, 3] += affine[:3, 2] * k
    kept = slice(k, k + 22)
    return nifti_bytes(SyntheticHead(head.data[:, :, kept], head.dseg[:, :, kept], affine))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Raw folder, derivatives and what the command said."""
    raw = tmp_path_factory.mktemp("sessions") / "raw"
    head = person()
    map_values = np.where(head.data > 100, 1000 + head.data // 2, 0).astype(np.int16)
    t1map = nifti_bytes(SyntheticHead(map_values, head.dseg, head.affine))
    brain = np.where(head.dseg == 7, head.data, 0).astype(np.int16)
    files = {
        "dataset_description.json": b'{"Name": "test", "BIDSVersion": "1.10.0"}',
        "README": b"test " * 40,
        f"{FOLDER}_T1w.nii.gz": nifti_bytes(head),
        f"{FOLDER}_T2w.nii.gz": slab(),
        f"{FOLDER}_T1map.nii.gz": t1map,
        **megre(),
        "sub-1/ses-b/anat/sub-1_ses-b_T1map.nii.gz": t1map,
        "sub-2/anat/sub-2_T1w.nii.gz": nifti_bytes(SyntheticHead(brain, head.dseg, head.affine)),
        "sub-2/anat/sub-2_T1w.json": b'{"DeidentificationMethod": ["bet"]}',
    }
    for name, content in files.items():
        (raw / name).parent.mkdir(parents=True, exist_ok=True)
        (raw / name).write_bytes(content)
    done = command(raw, raw.parent / "out", "participant", "--nprocs", "2")
    return raw, raw.parent / "out", done


def record(run, stem: str) -> dict:
    return json.loads((run[1] / "logs" / "images" / f"{stem}.json").read_text())


def test_all_but_the_lonely_map_pass(run):
    _, out, done = run
    assert done.returncode == 1, done.stderr
    assert "8 of 9 images passed" in done.stdout, done.stdout
    lonely = record(run, "sub-1_ses-b_T1map")
    assert lonely["Verdict"] == "FAIL"
    assert "no other image of the session" in lonely["Reasons"][0]
    assert not list((out / "sub-1").glob("ses-b/anat/*.nii.gz"))


def test_a_family_shares_one_mask(run):
    raw, out, _ = run
    masks = []
    for part in PARTS:
        label = part.replace("-", "").replace("_", "")
        name = f"{FOLDER}_mod-MEGRE_desc-face{label}_defacemask.nii.gz"
        masks.append(load_volume(out / name).data)
        before = load_volume(raw / f"{FOLDER}_{part}_MEGRE.nii.gz").data
        after = load_volume(out / f"{FOLDER}_{part}_desc-defaced_MEGRE.nii.gz").data
        assert not (before != after)[masks[-1] == 0].any()
    assert masks[0].sum() > 5000
    for mask in masks[1:]:
        np.testing.assert_array_equal(mask, masks[0])
    assert record(run, "sub-1_ses-a_echo-1_part-mag_MEGRE")["RegionsFrom"] == ""
    follower = record(run, "sub-1_ses-a_echo-2_part-mag_MEGRE")
    assert follower["RegionsFrom"] == "sub-1_ses-a_echo-1_part-mag_MEGRE"


def test_phase_becomes_noise_over_its_own_range(run):
    raw, out, _ = run
    name = f"{FOLDER}_echo-1_part-phase"
    before = load_volume(raw / f"{name}_MEGRE.nii.gz").data
    after = load_volume(out / f"{name}_desc-defaced_MEGRE.nii.gz").data
    new = after[before != after]
    assert new.min() < 0.9 * before.min()
    assert new.max() > 0.9 * before.max()
    assert abs(float(new.mean())) < 200


def test_maps_and_slabs_inherit(run):
    for suffix in ("T1map", "T2w"):
        assert record(run, f"sub-1_ses-a_{suffix}")["RegionsFrom"] == "sub-1_ses-a_T1w", suffix
    regions = record(run, "sub-1_ses-a_T2w")["Regions"]
    assert regions["mouth"]["Status"] == "outside"


def test_a_stripped_image_is_handed_on_with_a_note(run):
    raw, out, _ = run
    done = record(run, "sub-2_T1w")
    assert done["Verdict"] == "PASS"
    assert any("nothing was left to hide" in note for note in done["Notes"])
    before = load_volume(raw / "sub-2/anat/sub-2_T1w.nii.gz")
    after = load_volume(out / "sub-2/anat/sub-2_desc-defaced_T1w.nii.gz")
    assert before.prefix == after.prefix
    np.testing.assert_array_equal(before.data, after.data)
    sidecar = json.loads((out / "sub-2/anat/sub-2_desc-defaced_T1w.json").read_text())
    assert sidecar["SkullStripped"] is True
    assert sidecar["DeidentificationMethod"][0] == "bet"
    assert "nothing was left to hide" in sidecar["DeidentificationMethod"]
    assert "skull-stripped" in (out / "sub-2.html").read_text()


def test_the_plan_says_who_lends(run):
    raw, _, _ = run
    done = command(raw, raw.parent / "other", "participant", "--dry-run")
    assert done.returncode == 0
    assert "T1map.nii.gz (regions of sub-1_ses-a_T1w" in done.stdout
    assert "(regions of no other image: it will fail)" in done.stdout


def test_a_second_run_does_nothing_and_a_new_reference_does(run):
    raw, out, _ = run
    again = command(raw, out, "participant", "--dry-run")
    assert "0 of 9 images to deface" in again.stdout
    path = raw / f"{FOLDER}_T1w.nii.gz"
    image = nib.load(path)
    data = np.asanyarray(image.dataobj)
    nib.save(nib.Nifti1Image(data, image.affine, image.header), path)
    after = command(raw, out, "participant", "--dry-run")
    assert f"deface              {FOLDER}_T2w.nii.gz" in after.stdout


def test_outputs_pass_the_validator(run):
    validate(run[1])
