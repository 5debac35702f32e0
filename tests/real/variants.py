"""Every real full-resolution scan in other orientations, dtypes, containers, crops and slices.

    python -m tests.real.variants HEADS TABLE.tsv [--orientations 48] [--scans NAME ...]

One row a variant: verdict, seconds, whether every byte outside the mask is as it was, brain voxels
changed, and the Dice of its mask with the one of the scan as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.orientations import apply_orientation, axcodes2ornt, io_orientation, ornt_transform
from numpy.typing import NDArray

from bids_deface.containers.load import load_volume
from bids_deface.containers.save import save_volume
from bids_deface.deface import deface_volume
from bids_deface.detection.detector import FeatureDetector
from bids_deface.detection.featuremap import FeatureMap
from bids_deface.errors import DefaceError
from bids_deface.settings import DefaceSettings
from bids_deface.volume import zooms_of
from tests.real.assemble import rows_of

#: The 48 ways in which a head can be stored.
ORIENTATIONS = [
    "".join(code[int(sign)] for code, sign in zip(order, signs, strict=True))
    for order in itertools.permutations(("LR", "PA", "IS"))
    for signs in itertools.product("10", repeat=3)
]
Variant = tuple[str, nib.Nifti1Image, str | None]


def variants(image: nib.Nifti1Image, orientations: list[str]) -> Iterator[Variant]:
    """Yield name, image, and orientation (None where the grid is another)."""
    data = np.asanyarray(image.dataobj)
    yield "as it is", image, ""
    for codes in orientations:
        turn = ornt_transform(io_orientation(image.affine), axcodes2ornt(codes))
        yield codes, image.as_reoriented(turn), codes
    top = float(np.percentile(data, 99.9))
    for dtype in ("int16", "float32", "uint8"):
        scale = 255 / top if dtype == "uint8" else 1
        values = np.clip(data * scale, 0, 255) if dtype == "uint8" else data
        yield dtype, nib.Nifti1Image(values.astype(dtype), image.affine), ""
    zooms = zooms_of(image.affine)
    canonical = nib.as_closest_canonical(image)
    low = np.array(canonical.shape[:3]) // 5
    yield "no chin", canonical.slicer[:, :, low[2] :], None
    yield "upper slab", canonical.slicer[:, :, 2 * low[2] : 4 * low[2]], None
    yield "left third cut", canonical.slicer[5 * low[0] // 3 :], None
    for axis in range(3):
        step = max(1, round(5 / zooms[axis]))
        yield f"5 mm slices, axis {axis}", _thick(image, axis, step), None


def _thick(image: nib.Nifti1Image, axis: int, step: int) -> nib.Nifti1Image:
    """Average slices in groups of ``step``."""
    data = np.moveaxis(np.asanyarray(image.dataobj), axis, 0)
    n = len(data) // step
    mean = data[: n * step].reshape(n, step, *data.shape[1:]).mean(1).astype(data.dtype)
    grow = np.eye(4)
    grow[axis, axis], grow[axis, 3] = step, (step - 1) / 2
    return nib.Nifti1Image(np.moveaxis(mean, 0, axis), image.affine @ grow)


class Remembering:
    """The detector; the same voxels in the same place are looked at once."""

    def __init__(self) -> None:
        self.detector = FeatureDetector()
        self.sha256 = self.detector.sha256
        self.known: dict[str, tuple[NDArray[np.float64], FeatureMap]] = {}

    def detect(self, image: NDArray[Any], affine: NDArray[np.float64]) -> FeatureMap:
        """Return what the detector says, now or before."""
        key = hashlib.sha256(np.asarray(image, order="C")).hexdigest()
        known = self.known.get(key)
        if known is None or not np.allclose(known[0], affine, atol=1e-4):
            self.known = {key: (affine, self.detector.detect(image, affine))}
        return self.known[key][1]


def try_variant(
    image: nib.Nifti1Image, folder: Path, detector: Remembering
) -> tuple[list[str], NDArray[np.uint8] | None]:
    """Deface one variant from file to file; return the cells of its row, and the mask."""
    source, target = folder / "in.nii", folder / "out.nii"
    nib.save(image, source)
    began = time.monotonic()
    try:
        result = deface_volume(load_volume(source), DefaceSettings.of(random_seed=1), detector)
    except DefaceError as error:
        return [
            type(error).__name__,
            f"{time.monotonic() - began:.1f}",
            "",
            "",
            error.message,
        ], None
    save_volume(result.volume, target)
    seconds = time.monotonic() - began
    before, after = (np.frombuffer(p.read_bytes(), np.uint8) for p in (source, target))
    width = result.volume.data.dtype.itemsize
    start = len(before) - result.volume.data.size * width
    same = (before[start:] == after[start:]).reshape(-1, width).all(axis=1)
    frames = np.broadcast_to(
        result.mask.reshape(*result.mask.shape, *[1] * (result.volume.data.ndim - 3)),
        result.volume.data.shape,
    )
    exact = bool(
        np.array_equal(before[:start], after[:start]) and same[frames.ravel(order="F") == 0].all()
    )
    reasons = "; ".join(result.verdict.reasons)
    cells = [result.verdict.decision.value, f"{seconds:.1f}", str(exact)]
    return [*cells, str(result.changes.in_brain), reasons], result.mask


def main() -> None:
    """Write the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("heads", type=Path)
    parser.add_argument("table", type=Path)
    parser.add_argument("--orientations", type=int, default=48)
    parser.add_argument("--scans", nargs="*")
    args = parser.parse_args()
    detector, rng = Remembering(), np.random.default_rng(0)
    with args.table.open("w") as table, TemporaryDirectory() as folder:
        columns = ("scan", "variant", "verdict", "seconds", "exact", "brain", "dice", "reasons")
        print(*columns, sep="\t", file=table, flush=True)
        for row in rows_of(args.heads, "external", "negative"):
            if args.scans and row["head"] not in args.scans:
                continue
            own = None
            chosen = sorted(rng.choice(ORIENTATIONS, args.orientations, replace=False).tolist())
            for name, image, codes in variants(nib.load(args.heads / row["image"]), chosen):
                cells, mask = try_variant(image, Path(folder), detector)
                own = (mask, image.affine) if name == "as it is" else own
                cells.insert(4, _dice(mask, codes, own))
                print(row["head"], name, *cells, sep="\t", file=table, flush=True)


def _dice(mask: NDArray[np.uint8] | None, codes: str | None, own: tuple | None) -> str:
    """Compare with the mask of the scan as it is, where the grid is the same but for order."""
    if mask is None or codes is None or own is None or own[0] is None:
        return ""
    expected = own[0]
    if codes:
        turn = ornt_transform(io_orientation(own[1]), axcodes2ornt(codes))
        expected = apply_orientation(expected, turn)
    both = int(mask.sum()) + int(expected.sum())
    return f"{2 * int((mask & expected).sum()) / both:.4f}" if both else "1.0000"


if __name__ == "__main__":
    main()
