"""A raw dataset with all that must not be shared, and what defacing made of it, at little cost."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np

from bids_deface.checked_save import save_defaced
from bids_deface.containers.save import save_volume
from bids_deface.dataset.demo import nifti_bytes
from bids_deface.dataset.derivatives import Produced, store_image
from bids_deface.dataset.names import OutputNames
from bids_deface.dataset.query import ImageRecord
from bids_deface.dataset.root_files import write_root_files
from bids_deface.deface_file import deface_file
from bids_deface.detection.detector import FeatureDetector
from bids_deface.population import synthetic_head
from bids_deface.record import success_record
from bids_deface.settings import DefaceSettings

T1W = "sub-01/ses-1/anat/sub-01_ses-1_T1w.nii.gz"
OTHER = "sub-02/anat/sub-02_T1w.nii.gz"
BOLD = "sub-01/ses-1/func/sub-01_ses-1_task-rest_bold.nii.gz"
FIELD = "sub-01/ses-1/fmap/sub-01_ses-1_phasediff.nii.gz"
#: What must be in no file of a dataset that is shared.
SECRETS = (b"Doe", b"2019", b"Clinic", b"93", b"jd@", b"1.2.840.113619.2")
TEXTS = {
    "README": "Two made-up heads and a series of images.\n" * 5,
    "CHANGES": "1.2.0 2020-01-02\n  - First release.\n",
    "dataset_description.json": json.dumps(
        {"Name": "x", "BIDSVersion": "1.10.0", "DatasetType": "raw", "Authors": ["A", "B"]}
    ),
    "participants.tsv": (
        "participant_id\tage\tinitials\tremarks\nsub-01\t93\tJD\tcall 2019-03-05\n"
        "sub-02\t33\tAB\tnone\nsub-03\t20\tCC\tnone\n"
    ),
    "participants.json": json.dumps({"age": {"Description": "Age", "Units": "years"}}),
    "task-rest_bold.json": json.dumps({"RepetitionTime": 1.0, "TaskName": "rest"}),
    "sub-01/ses-1/sub-01_ses-1_scans.tsv": (
        "filename\tacq_time\n"
        "anat/sub-01_ses-1_T1w.nii.gz\t2019-03-04T10:11:12\n"
        "func/sub-01_ses-1_task-rest_bold.nii.gz\t2019-03-04T10:30:00.500\n"
    ),
    "sub-01/sub-01_sessions.tsv": "session_id\tacq_time\nses-1\t2019-03-01T00:00:00\n",
    T1W.replace(".nii.gz", ".json"): json.dumps(
        {
            "EchoTime": 0.003,
            "PatientName": "Doe^Jane",
            "InstitutionName": "Clinic",
            "SeriesDescription": "t1 of 2019-03-04",
            "AcquisitionTime": "10:11:12",
            "global": {"const": {"SeriesInstanceUID": "1.2.840.113619.2.55.3"}},
        }
    ),
    "sub-01/ses-1/func/sub-01_ses-1_task-rest_events.tsv": "onset\tduration\n1\t1\n",
    "sub-01/ses-1/fmap/sub-01_ses-1_phasediff.json": json.dumps(
        {"EchoTime1": 0.004, "EchoTime2": 0.006, "IntendedFor": [f"bids::{BOLD}"]}
    ),
    "sourcedata/sub-01/photo.txt": "Doe",
    "sub-01/portrait.jpg": "Doe",
    "code/run.sh": "cd /home/jdoe\n",
    "notes of 2019.docx": "Doe",
}


def write_raw(folder: Path) -> Path:
    """Write the raw dataset: heads of 3 mm, a series of images that shows one, texts."""
    for name, text in TEXTS.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    for number, name in enumerate((T1W, OTHER)):
        write_head(folder / name, number)
    head = synthetic_head(np.random.default_rng(0), zoom=2.0)
    series = np.repeat(head.data[..., None], 2, axis=3)
    path = folder / BOLD
    image = nib.Nifti1Image(series, head.affine)
    image.header.set_zooms((*image.header.get_zooms()[:3], 1.0))
    image.header.set_xyzt_units("mm", "sec")
    nib.save(image, path)
    field = nib.Nifti1Image(np.ones((4, 4, 4), np.int16), np.eye(4))
    field.header.set_xyzt_units("mm")
    nib.save(field, folder / FIELD)
    return folder


def write_head(path: Path, number: int) -> Path:
    """Write a made-up head, 3 mm."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(nifti_bytes(synthetic_head(np.random.default_rng(number), zoom=2.0)))
    return path


def deface_into(raw: Path, out: Path, names: tuple[str, ...], detector: FeatureDetector) -> Path:
    """Deface images of a dataset as the main command does, without its workflow."""
    write_root_files(raw, out)
    settings = DefaceSettings.of(random_seed=1)
    work = out.with_name("work")
    work.mkdir()
    for name in names:
        result = deface_file(raw / name, settings, detector)
        paths = [work / f"{what}.nii.gz" for what in ("image", "mask", "dseg")]
        save_defaced(result, paths[0], raw / name)
        save_volume(result.mask_volume, paths[1])
        save_volume(result.dseg_volume, paths[2])
        subject = name.partition("/")[0].removeprefix("sub-")
        record = ImageRecord(raw / name, name, subject, "", "T1w")
        store_image(
            OutputNames.of(record, out), name, {}, Produced(*paths),
            {**success_record(name, settings, result), "Fingerprint": "", "Seconds": 1.0},
        )  # fmt: skip
    return out
