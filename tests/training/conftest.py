from __future__ import annotations

import csv
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest
import torch

from bids_deface.population import synthetic_head
from bids_deface.training.data import EvaluationHead, load_evaluation_heads
from bids_deface.training.draw import Draw


@pytest.fixture(scope="session")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of made-up labelled heads with its table."""
    folder = tmp_path_factory.mktemp("heads")
    rows = []
    for number, split in enumerate(("train", "train", "val")):
        head = synthetic_head(np.random.default_rng(number), zoom=2)
        for kind, data in (("image", head.data), ("label", head.dseg)):
            nib.save(nib.Nifti1Image(data, head.affine), folder / f"{number}_{kind}.nii.gz")
        rows.append([str(number), split, f"{number}_image.nii.gz", f"{number}_label.nii.gz", ""])
    with (folder / "heads.tsv").open("w", newline="") as file:
        writer = csv.writer(file, delimiter="\t")
        writer.writerow(["head", "split", "image", "label", "visible"])
        writer.writerows(rows)
    return folder


@pytest.fixture(scope="session")
def labelled(table: Path) -> EvaluationHead:
    """One made-up head in its own grid."""
    return next(load_evaluation_heads(table, "val"))


@pytest.fixture
def draw() -> Draw:
    """Random numbers with a fixed seed."""
    return Draw(torch.Generator().manual_seed(3), torch.device("cpu"))
