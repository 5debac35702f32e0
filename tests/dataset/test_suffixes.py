from __future__ import annotations

from itertools import groupby
from pathlib import Path

import pytest

from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.suffixes import DATATYPES, SUFFIXES, describe


def record(relative: str) -> ImageRecord:
    """Return the record of ``sub-1/[ses-x/]anat/sub-1_..._T1w.nii.gz``; no file is needed."""
    path = Path("/raw") / relative
    parts = dict(p.partition("-")[::2] for p in path.name.split("_")[:-1])
    suffix = path.name.split("_")[-1].split(".")[0]
    session = parts.get("ses", "")
    return ImageRecord(path, relative, parts["sub"], session, suffix, path.parent.name)


def images(*names: str, datatype: str = "anat") -> list[ImageRecord]:
    """Return records of subject 1 from entities and suffix alone: ``echo-1_MEGRE``."""
    out = []
    for name in names:
        session = name.partition("_")[0] + "/" if name.startswith("ses-") else ""
        out.append(record(f"sub-1/{session}{datatype}/sub-1_{name}.nii.gz"))
    return out


def test_the_best_reference_is_t1w_and_every_map_comes_after_every_contrast():
    best = sorted(SUFFIXES.values(), key=lambda suffix: suffix.rank)
    assert [suffix.name for suffix in best[:3]] == ["T1w", "UNIT1", "T2w"]
    assert [signal for signal, _ in groupby(s.own_signal for s in best)] == [True, False]
    assert len({suffix.rank for suffix in best}) == len(best)


def test_the_table_knows_what_bids_knows():
    schema = pytest.importorskip("bidsschematools.schema")
    groups = schema.load_schema().rules.files.raw
    official = {
        (datatype, str(suffix))
        for datatype in DATATYPES
        for rule in groups[datatype].values()
        if ".nii.gz" in rule.extensions
        for suffix in rule.suffixes
    }
    # A mask and a scan without excitation show nobody.
    shown = {pair for pair in official if pair[1] not in ("defacemask", "noRF")}
    assert shown - set(SUFFIXES) == set()
    assert set(SUFFIXES) - shown == {("anat", "PDT2map")}, "left BIDS, is left in datasets"


@pytest.mark.parametrize(
    ("datatype", "name", "shown"),
    [
        ("anat", "T1w", True),
        ("anat", "part-mag_MEGRE", True),
        ("anat", "part-phase_MEGRE", False),
        ("anat", "inv-1_part-real_MP2RAGE", False),
        ("anat", "inv-1_part-imag_MP2RAGE", False),
        ("anat", "UNIT1", True),
        ("anat", "T1map", False),
        ("anat", "mt-on_MTR", True),
        ("anat", "MTRmap", False),
        ("anat", "angio", True),
        ("anat", "unknown", True),
        ("fmap", "magnitude1", True),
        ("fmap", "phasediff", False),
        ("fmap", "fieldmap", False),
        ("fmap", "acq-anat_TB1TFL", True),
        ("fmap", "acq-famp_TB1TFL", False),
        ("func", "task-x_bold", True),
        ("func", "task-x_phase", False),
        ("dwi", "dir-AP_dwi", True),
        ("dwi", "FA", False),
        ("pet", "trc-FDG_pet", False),
    ],
)
def test_maps_and_phases_show_no_tissue(datatype, name, shown):
    assert images(name, datatype=datatype)[0].shows_tissue is shown


@pytest.mark.parametrize(
    ("datatype", "names"),
    [
        ("anat", ["inv-1_MP2RAGE", "inv-2_part-mag_MP2RAGE", "inv-2_part-phase_MP2RAGE", "UNIT1"]),
        ("anat", ["echo-1_part-mag_MEGRE", "echo-2_part-phase_MEGRE"]),
        ("anat", ["echo-1_MESE", "echo-32_MESE"]),
        ("anat", ["flip-1_VFA", "flip-2_VFA"]),
        ("anat", ["inv-1_IRT1", "inv-4_IRT1"]),
        ("anat", ["echo-1_flip-1_mt-on_MPM", "echo-2_flip-1_mt-off_MPM"]),
        ("anat", ["flip-1_mt-on_MTS", "flip-2_mt-off_MTS"]),
        ("anat", ["echo-1_T1w", "echo-2_T1w", "T1w"]),
        ("fmap", ["magnitude1", "magnitude2", "phasediff"]),
        ("fmap", ["magnitude1", "phase1", "phase2"]),
        ("fmap", ["magnitude", "fieldmap"]),
        ("fmap", ["acq-anat_TB1TFL", "acq-famp_TB1TFL"]),
        ("fmap", ["acq-tr1_TB1AFI", "acq-tr2_TB1AFI"]),
        ("func", ["task-x_echo-1_bold", "task-x_echo-2_part-phase_bold", "task-x_echo-2_sbref"]),
        ("perf", ["asl", "m0scan"]),
        ("dwi", ["dir-AP_dwi", "dir-AP_sbref", "dir-AP_part-phase_dwi"]),
    ],
)
def test_images_of_one_scan_are_one_family(datatype, names):
    families = {image.family for image in images(*names, datatype=datatype)}
    assert len(families) == 1, families
    elsewhere = images(*(f"ses-2_{name}" for name in names), datatype=datatype)
    assert families.isdisjoint(image.family for image in elsewhere), (
        "nothing is shared by sessions"
    )


@pytest.mark.parametrize(
    ("datatype", "names"),
    [
        ("anat", ["T1w", "T2w", "run-2_T1w", "acq-x_T1w", "rec-norm_T1w", "T1map", "UNIT1"]),
        ("anat", ["ses-1_T1w", "ses-2_T1w"]),
        ("func", ["task-x_bold", "task-y_bold", "task-x_run-1_bold", "task-x_dir-AP_bold"]),
        ("fmap", ["acq-a_phasediff", "acq-b_phasediff", "dir-AP_epi", "dir-PA_epi"]),
    ],
)
def test_images_of_two_scans_are_two_families(datatype, names):
    assert len({image.family for image in images(*names, datatype=datatype)}) == len(names)


def test_a_suffix_may_belong_to_two_datatypes():
    assert describe("func", "sbref").family == "bold"
    assert describe("dwi", "sbref").family == "dwi"
    assert describe("anat", "other").rank == len(SUFFIXES)
