"""Make a folder of labelled heads to learn a new feature from: chins, found by geometry.

The heads are made up from the population-average head, so that nobody's face is in them. A lab
would draw labels on its own scans instead (bids-deface-train labels helps with that).
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from bids_deface.dataset.demo import nifti_bytes
from bids_deface.population import SyntheticHead, synthetic_head

CHIN, MOUTH = 8, 6
#: Skin intensity of the made-up heads.
THRESHOLD = 80
FEATURES = """[chin]
label = 8
color = "#e69f00"
method = "flatten"
outward = "front"
margin_mm = 2.0
expected = true
left_ml = 0.5
"""
LABELS = "index\tname\tcolor\n8\tchin\t#e69f00\n"


def chin_of(head: SyntheticHead) -> np.ndarray:
    """Return the chin (bool): the foremost 16 mm of the head, 4 to 30 mm below the mouth."""
    zoom = float(head.affine[0, 0])
    mouth = np.argwhere(head.dseg == MOUTH)
    middle, lowest = mouth[:, 0].mean(), mouth[:, 2].min()
    i, j, k = np.indices(head.data.shape, dtype=np.float32)
    below = (k < lowest - 4 / zoom) & (k > lowest - 30 / zoom)
    room = below & (abs(i - middle) < 24 / zoom) & (j > mouth[:, 1].min() - 20 / zoom)
    tissue = (head.data > THRESHOLD) & room
    front = np.where(tissue, j, -1).max(axis=1, keepdims=True)
    return tissue & (j > front - 16 / zoom)


def main() -> None:
    """Write ``sub-XX/anat`` with a scan and its label map each, and both tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--heads", type=int, default=4)
    parser.add_argument("--zoom", type=float, default=1.34, help="1 makes voxels of 1.5 mm")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    (args.out / "features.toml").write_text(FEATURES)
    (args.out / "dseg.tsv").write_text(LABELS)
    for number in range(1, args.heads + 1):
        head = synthetic_head(np.random.default_rng(number), zoom=args.zoom)
        dseg = np.where(chin_of(head), CHIN, 0).astype(np.uint8)
        folder = args.out / f"sub-{number:02}" / "anat"
        folder.mkdir(parents=True, exist_ok=True)
        stem = f"sub-{number:02}"
        (folder / f"{stem}_T1w.nii.gz").write_bytes(nifti_bytes(head))
        label = nifti_bytes(SyntheticHead(dseg.astype(np.int16), dseg, head.affine))
        (folder / f"{stem}_desc-labelsT1w_dseg.nii.gz").write_bytes(label)


if __name__ == "__main__":
    main()
