"""A small valid BIDS dataset of made-up heads."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np

from bids_deface.containers.files import write_whole
from bids_deface.dataset.derivatives import BIDS_VERSION, write_json, write_text
from bids_deface.errors import OutputError
from bids_deface.population import SyntheticHead, synthetic_head

SUFFIXES = ("T1w", "T2w", "FLAIR")


@dataclass(frozen=True)
class DemoImage:
    """One image of the demo dataset: subject, session ("" for none), suffix."""

    subject: str
    session: str
    suffix: str

    @property
    def path(self) -> str:
        """Path within the dataset."""
        parts = [f"sub-{self.subject}", *([f"ses-{self.session}"] if self.session else [])]
        return f"{'/'.join(parts)}/anat/{'_'.join(parts)}_{self.suffix}.nii.gz"


IMAGES = (
    *(DemoImage("01", "", suffix) for suffix in SUFFIXES),
    DemoImage("02", "1", "T1w"),
    DemoImage("02", "2", "T1w"),
    DemoImage("02", "2", "T2w"),
)


def write_demo(folder: Path, *, seed: int = 1) -> list[Path]:
    """Write the demo dataset; return the paths of its images.

    Parameters
    ----------
    folder
        New or empty folder.
    seed
        Seed of shapes and noise.

    Raises
    ------
    OutputError
        The folder holds something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} is not empty.", "Choose a new folder for the demo dataset.")
    write_json(
        folder / "dataset_description.json",
        {
            "Name": "bids-deface demo: heads made from a population average, nobody's face",
            "BIDSVersion": BIDS_VERSION,
            "DatasetType": "raw",
            "License": "CC-BY-SA-3.0",
            "Authors": ["bids-deface"],
        },
    )
    write_text(
        folder / "README",
        "Made-up heads: random smooth warps and contrasts of an average of many heads.\n"
        "The average is derived from the IXI dataset (CC BY-SA 3.0).\n",
    )
    subjects = sorted({image.subject for image in IMAGES})
    table = "\n".join(["participant_id", *(f"sub-{s}" for s in subjects)]) + "\n"
    write_text(folder / "participants.tsv", table)
    paths = []
    for number, image in enumerate(IMAGES):
        head = synthetic_head(
            np.random.default_rng([seed, number]),
            contrast=image.suffix,
            shape_rng=np.random.default_rng([seed, int(image.subject), 77]),
        )
        path = folder / image.path
        write_whole(path, nifti_bytes(head))
        write_json(
            path.with_name(path.name.replace(".nii.gz", ".json")),
            {"Modality": "MR", "Manufacturer": "synthetic", "MagneticFieldStrength": 3},
        )
        paths.append(path)
    return paths


def nifti_bytes(head: SyntheticHead) -> bytes:
    """Return a made-up head as a gzipped NIfTI-1 file."""
    from isal import igzip

    image = nib.Nifti1Image(head.data, head.affine)
    image.header.set_xyzt_units("mm")
    image.set_qform(head.affine, 1)
    image.set_sform(head.affine, 1)
    return igzip.compress(image.to_bytes(), mtime=0)
