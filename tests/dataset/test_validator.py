"""Names and sidecars of every kind of image, as the official validator sees them."""

from __future__ import annotations

import json

import numpy as np
import pytest

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.dataset.derivatives import Produced, store_image
from bids_deface.dataset.filters import Filters
from bids_deface.dataset.layout import open_layout
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.query import find_images
from bids_deface.dataset.root_files import write_root_files
from bids_deface.dataset.suffixes import DATATYPES
from bids_deface.population import SyntheticHead
from tests.dataset.test_derivatives import RESULT, validate

IMAGES = (
    "sub-1/anat/sub-1_T1w",
    "sub-1/anat/sub-1_acq-hi_run-1_T1w",
    "sub-1/anat/sub-1_ce-gad_rec-norm_run-2_T1w",
    "sub-1/anat/sub-1_echo-1_part-mag_MEGRE",
    "sub-1/anat/sub-1_echo-1_part-phase_MEGRE",
    "sub-1/anat/sub-1_echo-2_part-mag_MEGRE",
    "sub-1/anat/sub-1_acq-x_dir-AP_echo-1_MESE",
    "sub-1/anat/sub-1_flip-1_VFA",
    "sub-1/anat/sub-1_inv-1_IRT1",
    "sub-1/anat/sub-1_echo-1_flip-1_mt-off_MPM",
    "sub-1/anat/sub-1_mt-on_MTR",
    "sub-1/anat/sub-1_run-1_chunk-2_T2w",
    "sub-1/anat/sub-1_Chimap",
    "sub-1/fmap/sub-1_magnitude1",
    "sub-1/fmap/sub-1_phasediff",
    "sub-1/fmap/sub-1_acq-anat_TB1TFL",
    "sub-1/fmap/sub-1_dir-AP_epi",
    "sub-1/fmap/sub-1_acq-x_echo-1_flip-1_inv-1_TB1EPI",
    "sub-1/perf/sub-1_asl",
    "sub-1/perf/sub-1_m0scan",
    "sub-1/dwi/sub-1_dir-AP_dwi",
    "sub-1/dwi/sub-1_dir-AP_sbref",
    "sub-1/dwi/sub-1_FA",
    "sub-1/pet/sub-1_trc-FDG_run-1_pet",
    "sub-2/ses-a/anat/sub-2_ses-a_UNIT1",
    "sub-2/ses-a/anat/sub-2_ses-a_inv-1_part-mag_MP2RAGE",
    "sub-2/ses-a/anat/sub-2_ses-a_inv-2_part-phase_MP2RAGE",
    "sub-2/ses-a/anat/sub-2_ses-a_acq-lo_inv-2_MP2RAGE",
    "sub-2/ses-a/func/sub-2_ses-a_task-rest_dir-AP_run-1_echo-1_part-mag_bold",
    "sub-2/ses-a/func/sub-2_ses-a_task-rest_dir-AP_run-1_echo-1_part-phase_bold",
    "sub-2/ses-a/func/sub-2_ses-a_task-rest_dir-AP_run-1_echo-1_sbref",
    "sub-2/ses-b/anat/sub-2_ses-b_T1w",
)
SIDECARS = {
    "bold": {"RepetitionTime": 1.0, "TaskName": "rest"},
    "phasediff": {"EchoTime1": 0.004, "EchoTime2": 0.006},
    "epi": {"TotalReadoutTime": 0.04},
}
FOUR_DIMENSIONS = ("bold", "dwi", "asl", "pet")


@pytest.fixture(scope="module")
def derivatives(tmp_path_factory):
    """Derivatives of tiny images with every kind of name."""
    raw = tmp_path_factory.mktemp("validator") / "raw"
    for name in IMAGES:
        path = raw / f"{name}.nii.gz"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
        path.with_name(path.name.replace(".nii.gz", ".json")).write_text(
            json.dumps(SIDECARS.get(name.rpartition("_")[2], {}))
        )
    (raw / "dataset_description.json").write_text('{"Name": "all", "BIDSVersion": "1.10.0"}')
    (raw / "dwi.bval").write_text("0 1000\n")
    (raw / "sub-1" / "dwi" / "sub-1_dwi.bvec").write_text("0 1\n0 0\n0 0\n")
    out, work = raw.with_name("out"), raw.with_name("work")
    work.mkdir()
    write_root_files(raw, out)
    for dims in (3, 4):
        data = np.ones((4, 4, 4, 2)[:dims], np.int16)
        (work / f"{dims}.nii.gz").write_bytes(nifti_bytes(SyntheticHead(data, data, np.eye(4))))
    records = find_images(open_layout(raw), Filters(include=DATATYPES[1:]))
    assert len(records) == len(IMAGES)
    for record in records:
        dims = 4 if record.suffix in FOUR_DIMENSIONS else 3
        image, mask = work / f"{dims}.nii.gz", work / "3.nii.gz"
        names = OutputNames.of(record, out)
        produced = Produced(image, mask, mask)
        store_image(names, record.relative, record.sidecar, produced, RESULT)
    return out


def test_all_names_and_sidecars_are_valid(derivatives):
    images = [p for p in derivatives.rglob("*.nii.gz") if "_desc-defaced_" in p.name]
    assert len(images) == len(IMAGES)
    assert validate(derivatives) == []


def test_gradients_are_copied_from_where_they_are(derivatives):
    folder = derivatives / "sub-1" / "dwi"
    assert (folder / "sub-1_dir-AP_dwi.bval").read_text() == "0 1000\n"
    assert (folder / "sub-1_dir-AP_dwi.bvec").read_text().startswith("0 1")
    assert len(list(folder.glob("*.bv*"))) == 2, "only a diffusion scan has gradients"
