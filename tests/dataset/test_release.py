from __future__ import annotations

from dataclasses import replace

import pytest

from bids_deface.dataset.derivatives import Produced, store_image
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.plan import Action, Plan, PlannedImage
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.release import read_accepted, release
from bids_deface.errors import NoInputError, UsageError
from bids_deface.textfiles import read_json
from tests.dataset.test_derivatives import RESULT, stored

SOURCE = RESULT["Source"]


@pytest.fixture
def waiting(tmp_path):
    """An image that awaits review, and the plan of a run that leaves it alone."""
    files = {}
    for name in ("image", "mask", "dseg", "regions", "head"):
        files[name] = tmp_path / name
        files[name].write_bytes(name.encode())
    produced = Produced(
        files["image"], files["mask"], files["dseg"],
        {"regions": files["regions"]}, {"head": files["head"]},
    )  # fmt: skip
    record = ImageRecord(
        path=tmp_path / SOURCE, relative=SOURCE, subject="1", session=None, suffix="T1w",
        sidecar={"EchoTime": 0.1},
    )  # fmt: skip
    image = PlannedImage(record, Action.SKIP, OutputNames.of(record, tmp_path / "out"), "stamp")
    doubt = {"Verdict": "REVIEW", "Reasons": ["the nose is odd"], "Fingerprint": "stamp"}
    store_image(image.names, SOURCE, record.sidecar, produced, {**RESULT, **doubt})
    return Plan(tmp_path, tmp_path / "out", (image,))


def test_what_a_person_accepts_is_released_with_a_note(waiting):
    names = waiting.images[0].names
    assert not any(name.startswith("sub-1/") for name in stored(names))
    assert release(waiting, {SOURCE: ""}) == (SOURCE,)
    there = stored(names)
    assert {
        "sub-1/anat/sub-1_desc-defaced_T1w.nii.gz",
        "sub-1/anat/sub-1_mod-T1w_desc-face_defacemask.nii.gz",
        "sub-1/anat/sub-1_desc-faceT1w_dseg.nii.gz",
        "sub-1/figures/sub-1_desc-regions_T1w.png",
        "private/sub-1/figures/sub-1_desc-originalhead_T1w.png",
    } <= there
    assert not any("review" in name for name in there)
    assert (names.output_dir / names.relative_image).read_bytes() == b"image"
    result = read_json(names.result)
    assert (result["Verdict"], result["Reasons"]) == ("PASS", [])
    assert result["AcceptedReasons"] == ["the nose is odd"]
    assert result["Fingerprint"] == "stamp", "the next run leaves it alone"
    sidecar = read_json(names.output_dir / "sub-1/anat/sub-1_desc-defaced_T1w.json")
    assert "released by a reviewer in spite of: the nose is odd" in sidecar["Notes"]
    assert release(waiting, {SOURCE: ""}) == (), "once is enough"


def test_what_was_not_looked_at_is_never_released(waiting):
    again = replace(waiting, images=(replace(waiting.images[0], action=Action.DEFACE),))
    with pytest.raises(UsageError, match="is to be done"):
        release(again, {SOURCE: ""})
    with pytest.raises(UsageError, match="not part of this run"):
        release(waiting, {SOURCE: "", "sub-2/anat/sub-2_T1w.nii.gz": ""})
    names = waiting.images[0].names
    assert read_json(names.result)["Verdict"] == "REVIEW", "all or nothing"
    (names.review_folder / names.relative_mask).unlink()
    with pytest.raises(UsageError, match="no longer"):
        release(waiting, {SOURCE: ""})
    assert not any(name.startswith("sub-1/") for name in stored(names))
    store_image(names, SOURCE, {}, Produced(), {**RESULT, "Verdict": "FAIL"})
    with pytest.raises(UsageError, match="has failed"):
        release(waiting, {SOURCE: ""})


def test_the_table_of_accepted_images(tmp_path):
    table = tmp_path / "accept.tsv"
    table.write_text(f"subject\tsource\n1\t{SOURCE}\n2\t\n")
    assert read_accepted(table) == {SOURCE: ""}
    table.write_text("file\n")
    with pytest.raises(UsageError, match="no column 'source'"):
        read_accepted(table)
    with pytest.raises(NoInputError):
        read_accepted(tmp_path / "none.tsv")
