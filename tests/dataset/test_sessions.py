from __future__ import annotations

from pathlib import Path

from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.sessions import Regions, find_references, is_one_scan


def records(*names: str) -> list[ImageRecord]:
    """Images of one subject by name, in the order of a query."""
    out = []
    for name in names:
        datatype = "func" if name.endswith(("bold", "sbref")) else "anat"
        session = "b" if "ses-b" in name else "a"
        path = Path(f"/raw/sub-1/ses-{session}/{datatype}/sub-1_ses-{session}_{name}.nii.gz")
        relative = path.relative_to("/raw").as_posix()
        suffix = name.rpartition("_")[2]
        out.append(ImageRecord(path, relative, "1", session, suffix, datatype))
    return out


def lent(*names: str) -> dict[str, tuple[Regions, list[str]]]:
    """Return, by name, where regions come from."""
    return {
        record.stem.partition("ses-a_")[2]: (
            regions,
            [r.stem.partition("ses-a_")[2] for r in references],
        )
        for record, regions, references in find_references(records(*names))
    }


def test_each_contrast_has_its_own_regions_and_others_to_fall_back_on():
    plan = lent("T1w", "T2w", "FLAIR")
    assert plan["T1w"] == (Regions.OWN, ["T2w", "FLAIR"])
    assert plan["FLAIR"] == (Regions.OWN, ["T1w", "T2w"])


def test_maps_and_phases_inherit():
    plan = lent("T1w", "T1map", "part-phase_T2starw")
    assert plan["T1map"] == (Regions.INHERITED, ["T1w"])
    assert plan["part-phase_T2starw"] == (Regions.INHERITED, ["T1w"])


def test_a_family_follows_its_best_member_then_the_session():
    plan = lent("T1w", "UNIT1", "inv-1_MP2RAGE", "inv-2_MP2RAGE", "inv-2_part-phase_MP2RAGE")
    assert plan["inv-2_MP2RAGE"] == (Regions.OWN, ["T1w"])
    for member in ("UNIT1", "inv-1_MP2RAGE", "inv-2_part-phase_MP2RAGE"):
        assert plan[member] == (Regions.FAMILY, ["inv-2_MP2RAGE", "T1w"]), member


def test_anatomy_never_asks_a_series():
    plan = lent("T1w", "task-rest_bold")
    assert plan["T1w"] == (Regions.OWN, [])
    assert plan["task-rest_bold"] == (Regions.OWN, ["T1w"])


def test_nothing_is_lent_across_sessions():
    two = records("T1w", "T1map") + records("ses-b_T1map")[:1]
    plan = {record.relative: references for record, _, references in find_references(two)}
    assert [r.suffix for r in plan["sub-1/ses-a/anat/sub-1_ses-a_T1map.nii.gz"]] == ["T1w"]
    assert plan[two[2].relative] == ()


def test_echoes_and_parts_are_one_scan_flips_are_not():
    one, two, flip = records("echo-1_part-mag_MEGRE", "echo-2_part-phase_MEGRE", "flip-2_VFA")
    assert is_one_scan(two, one)
    assert not is_one_scan(flip, records("flip-1_VFA")[0])
    unit, inversion = records("UNIT1", "inv-2_MP2RAGE")
    assert is_one_scan(unit, inversion)
