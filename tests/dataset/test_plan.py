from __future__ import annotations

import json
from pathlib import Path

import pytest

from bids_deface.corrections_file import ImageCorrection
from bids_deface.dataset.names import OutputNames, node_name
from bids_deface.dataset.plan import Action, make_plan
from bids_deface.dataset.query import ImageRecord
from bids_deface.detection.corrections import Ellipsoid, RegionCorrection
from bids_deface.errors import InvalidBIDSError


def record(relative: str, root: Path = Path("/raw")) -> ImageRecord:
    path = root / relative
    subject = relative.split("/", maxsplit=1)[0].removeprefix("sub-")
    return ImageRecord(path, relative, subject, "", path.name.split("_")[-1].split(".")[0])


@pytest.mark.parametrize(
    ("raw", "image", "mask"),
    [
        (
            "sub-1/anat/sub-1_T1w.nii.gz",
            "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz",
            "sub-1/anat/sub-1_mod-T1w_desc-face_defacemask.nii.gz",
        ),
        (
            "sub-1/ses-a/anat/sub-1_ses-a_acq-hi_run-2_echo-1_MEGRE.nii",
            "sub-1/ses-a/anat/sub-1_ses-a_acq-hi_run-2_echo-1_desc-defaced_MEGRE.nii.gz",
            "sub-1/ses-a/anat/sub-1_ses-a_acq-hi_run-2_mod-MEGRE_desc-faceecho1_defacemask.nii.gz",
        ),
        (
            "sub-1/anat/sub-1_run-1_chunk-2_T2w.nii.gz",
            "sub-1/anat/sub-1_run-1_chunk-2_desc-defaced_T2w.nii.gz",
            "sub-1/anat/sub-1_run-1_mod-T2w_chunk-2_desc-face_defacemask.nii.gz",
        ),
        (
            "sub-1/anat/sub-1_inv-2_part-mag_MP2RAGE.nii.gz",
            "sub-1/anat/sub-1_inv-2_part-mag_desc-defaced_MP2RAGE.nii.gz",
            "sub-1/anat/sub-1_mod-MP2RAGE_desc-faceinv2partmag_defacemask.nii.gz",
        ),
    ],
)
def test_names_follow_bids(raw, image, mask):
    names = OutputNames.of(record(raw), Path("/out"))
    assert names.relative_image == image
    assert names.relative_mask == mask
    assert names.relative_image != raw


def test_node_names_are_legal():
    named = record("sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz")
    assert node_name(named) == "sub_01_ses_1_T1w"


def test_done_images_are_skipped_unless_something_changed(tmp_path):
    raw = tmp_path / "raw"
    image = record("sub-1/anat/sub-1_T1w.nii.gz", raw)
    image.path.parent.mkdir(parents=True)
    image.path.write_bytes(b"scan")
    out = tmp_path / "out"

    def action(settings, force=False):
        return make_plan(raw, out, [image], settings, force=force).images[0]

    first = action({"features": ["nose"]})
    assert first.action is Action.DEFACE
    first.names.result.parent.mkdir(parents=True)
    done = {"Fingerprint": first.fingerprint, "Files": [first.names.relative_image]}
    first.names.result.write_text(json.dumps(done))
    assert action({"features": ["nose"]}).action is Action.DEFACE, "the file itself is missing"
    target = out / first.names.relative_image
    target.parent.mkdir(parents=True)
    target.write_bytes(b"defaced")
    assert action({"features": ["nose"]}).action is Action.SKIP
    assert action({"features": ["nose"]}, force=True).action is Action.DEFACE
    assert action({"features": ["ears"]}).action is Action.DEFACE
    image.path.write_bytes(b"another scan")
    assert action({"features": ["nose"]}).action is Action.DEFACE


def test_two_files_of_one_name_are_refused(tmp_path):
    twins = [record(f"sub-1/anat/sub-1_T1w.nii{suffix}") for suffix in ("", ".gz")]
    with pytest.raises(InvalidBIDSError, match="same name"):
        make_plan(tmp_path, tmp_path / "o", twins, {})


def test_private_pictures_may_be_deleted(tmp_path):
    image = record("sub-1/anat/sub-1_T1w.nii.gz", tmp_path)
    first = make_plan(tmp_path, tmp_path / "o", [image], {}).images[0]
    first.names.result.parent.mkdir(parents=True)
    done = {"Fingerprint": first.fingerprint, "Files": ["private/sub-1/figures/x.png"]}
    first.names.result.write_text(json.dumps(done))
    assert make_plan(tmp_path, tmp_path / "o", [image], {}).images[0].action is Action.SKIP


def test_plan_prints_one_line_per_image(tmp_path):
    plan = make_plan(tmp_path, tmp_path / "o", [record("sub-1/anat/sub-1_T1w.nii.gz")], {})
    lines = str(plan).splitlines()
    assert len(lines) == 2
    assert "sub-1_desc-defaced_T1w.nii.gz" in lines[0]


def test_one_name_in_two_datatypes_is_two_images(tmp_path):
    twins = [record(f"sub-1/{folder}/sub-1_S0map.nii.gz") for folder in ("anat", "dwi")]
    plan = make_plan(tmp_path, tmp_path / "o", twins, {})
    one, two = (image.names for image in plan.images)
    for name in ("relative_image", "relative_mask", "relative_dseg", "result"):
        assert getattr(one, name) != getattr(two, name), name
    assert one.figure("defaced") != two.figure("defaced")
    assert len({node_name(image.record) for image in plan.images}) == 2


def test_a_correction_makes_its_image_be_done_again_and_those_it_lends_to(tmp_path):
    records = [
        record(f"sub-{subject}/anat/sub-{subject}_{suffix}.nii.gz", tmp_path)
        for subject in "12"
        for suffix in ("T1w", "T2w")
    ]

    def stamps(corrections=None):
        plan = make_plan(tmp_path, tmp_path / "out", records, {}, corrections=corrections)
        return [image.fingerprint for image in plan.images], plan

    def said(width):
        ball = Ellipsoid((0, 90, 0), (width, 10, 10))
        return ImageCorrection((RegionCorrection(3, ball),))

    before, _ = stamps()
    lender, plan = stamps({records[0].relative: said(10)})
    assert [a != b for a, b in zip(before, lender, strict=True)] == [True, True, False, False]
    assert str(plan.images[0]).endswith("(corrected by a reviewer: nose)")
    assert "corrected" not in str(plan.images[1])
    other, _ = stamps({records[0].relative: said(12)})
    assert other[:2] != lender[:2]
    swapped, _ = stamps({records[1].relative: said(10)})
    assert all(a != b for a, b in zip(swapped[:2], lender[:2], strict=True))
