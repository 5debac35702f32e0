"""Compute the population-average head that ships with the package.

Runs in an environment of its own (``pip install antspyx nibabel``), because antspyx caps numpy:

    python tools/build_average_head.py HEADS_DIR WORK_DIR bids_deface/data

The shape is unbiased (Avants et al. 2010, doi 10.1016/j.neuroimage.2009.09.062): the first
reference is the mean after aligning landmarks, not a person; after each round the mean of all
transforms, affine and warp, is undone. Intensities and label maps are averaged with the same
transforms; the label map is the most probable label. Rounds are kept in WORK_DIR, so that a
killed run goes on where it was.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
import time
from pathlib import Path

import ants
import nibabel as nib
import numpy as np
from scipy.linalg import expm, logm

SPACING_MM = 1.5
SHAPE = (124, 172, 172)  # 186 x 258 x 258 mm
LABELS = range(1, 8)
#: Rounds after the affine one: grid of the registration (mm), SyN iterations from coarse to fine.
ROUNDS: tuple[tuple[float, tuple[int, ...]], ...] = ((3.0, (20, 10, 5)),)
SHAPE_STEP = 0.5  # share of the mean warp undone after each round
POINTS = ("eye_left", "eye_right", "nasion", "subnasale", "mouth", "ear_left", "ear_right")


def choose_heads(heads_dir: Path, count: int) -> list[dict[str, str]]:
    """Return the first ``count`` training heads on which every feature is fully visible."""
    with (heads_dir / "heads.tsv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file, delimiter="\t") if r["split"] == "train"]
    whole = [r for r in rows if all(p.endswith("=full") for p in r["visible"].split(";"))]
    return whole[:count]


def landmarks(heads_dir: Path, row: dict[str, str]) -> np.ndarray:
    """Return the landmarks of one head, one row each (RAS mm)."""
    points = json.loads((heads_dir / row["landmarks"]).read_text())["landmarks"]
    return np.array([points[name] for name in POINTS])


def rigid(source: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return rotation and shift that carry ``source`` points to ``target`` (Kabsch)."""
    u, _, vt = np.linalg.svd((source - source.mean(0)).T @ (target - target.mean(0)))
    turn = (u @ np.diag([1, 1, np.sign(np.linalg.det(u @ vt))]) @ vt).T
    return turn, target.mean(0) - turn @ source.mean(0)


def mean_points(all_points: list[np.ndarray]) -> np.ndarray:
    """Return the mean shape after iterated rigid alignment, centred and left-right symmetric."""
    mean = np.mean([p - p.mean(0) for p in all_points], axis=0)
    for _ in range(5):
        moved = []
        for points in all_points:
            turn, shift = rigid(points, mean)
            moved.append(points @ turn.T + shift)
        mean = np.mean(moved, axis=0)
        mirror = mean[[1, 0, 2, 3, 4, 6, 5]] * [-1, 1, 1]
        mean = (mean + mirror) / 2
    return mean


def empty_reference(mean: np.ndarray) -> ants.ANTsImage:
    """Return the average's grid: RAS, the head's features at the front."""
    centre = mean[[5, 6]].mean(0) + np.array(
        [0, 24, 10]
    )  # between the ears, forward and a little up
    origin = centre - np.array(SHAPE) * SPACING_MM / 2
    # ANTs keeps LPS: x and y change sign.
    return ants.from_numpy(
        np.zeros(SHAPE, dtype=np.float32),
        origin=[-origin[0], -origin[1], origin[2]],
        spacing=[SPACING_MM] * 3,
        direction=np.diag([-1.0, -1.0, 1.0]),
    )


def rigid_transform_file(turn: np.ndarray, shift: np.ndarray, path: Path) -> str:
    """Write the transform from average space to one head, as ANTs resamples (LPS)."""
    flip, matrix = np.diag([-1.0, -1.0, 1.0]), np.eye(4)
    matrix[:3, :3] = flip @ turn.T @ flip
    matrix[:3, 3] = flip @ (-turn.T @ shift)
    return write_matrix(matrix, path)


class Head:
    """One training head: scaled intensities and labels."""

    def __init__(self, heads_dir: Path, row: dict[str, str]) -> None:
        self.name = row["head"]
        self.points = landmarks(heads_dir, row)
        image = ants.image_read(str(heads_dir / row["image"]))
        data = image.numpy()
        low, high = np.percentile(data, (1, 99.5))
        self.image = image.new_image_like(
            np.clip((data - low) / (high - low), 0, 1).astype(np.float32)
        )
        self.label = ants.image_read(str(heads_dir / row["label"]))
        face = ((self.label.numpy() > 0) & (self.label.numpy() < 7)).astype(np.float32)
        self.face = ants.smooth_image(self.label.new_image_like(face), 1.5)


def carry(head: Head, reference: ants.ANTsImage, transforms: list[str]) -> np.ndarray:
    """Return intensity and label probabilities (8, i, j, k) of one head in average space."""
    out = [ants.apply_transforms(reference, head.image, transforms).numpy()]
    labels = head.label.numpy()
    for index in LABELS:
        one = head.label.new_image_like((labels == index).astype(np.float32))
        out.append(ants.apply_transforms(reference, one, transforms).numpy())
    return np.stack(out)


def matrix_of(path: str) -> np.ndarray:
    """Return the 4x4 LPS matrix of an ANTs affine file."""
    tx = ants.read_transform(path)
    matrix, centre = np.eye(4), np.array(tx.fixed_parameters)
    matrix[:3, :3] = np.array(tx.parameters[:9]).reshape(3, 3)
    matrix[:3, 3] = np.array(tx.parameters[9:]) + centre - matrix[:3, :3] @ centre
    return matrix


def write_matrix(matrix: np.ndarray, path: Path) -> str:
    """Write a 4x4 LPS matrix as an ANTs affine file."""
    tx = ants.create_ants_transform(
        transform_type="AffineTransform", matrix=matrix[:3, :3], translation=matrix[:3, 3],
        dimension=3,
    )  # fmt: skip
    ants.write_transform(tx, str(path))
    return str(path)


def unbiased(starts: list[str], affines: list[str], work: Path) -> list[str]:
    """Take the mean out of what the affine registrations added to the rigid starts."""
    found = [matrix_of(path) for path in affines]
    added = [np.linalg.inv(matrix_of(s)) @ m for s, m in zip(starts, found, strict=True)]
    undo = np.linalg.inv(expm(np.mean([np.real(logm(m)) for m in added], axis=0)))
    return [write_matrix(m @ undo, affine_path(work, n)) for n, m in enumerate(found)]


def affine_path(work: Path, number: int) -> Path:
    """Return where the unbiased affine of one head is kept between rounds."""
    return work / f"{number:03d}_unbiased.mat"


def mean_warp_inverse(warps: list[str], work: Path) -> str:
    """Write a share of the mean warp with its sign turned (a first-order inverse)."""
    first = ants.image_read(warps[0])
    mean = sum(ants.image_read(w).numpy() for w in warps) / len(warps)
    field = first.new_image_like(np.ascontiguousarray(-SHAPE_STEP * mean))
    ants.image_write(field, str(work / "mean_warp.nii.gz"))
    return str(work / "mean_warp.nii.gz")


def average(
    heads: list[Head], reference: ants.ANTsImage, transforms: list[list[str]]
) -> np.ndarray:
    """Return mean intensity and label probabilities (8, i, j, k) of all heads."""
    total = np.zeros((8, *SHAPE), dtype=np.float32)
    for head, chain in zip(heads, transforms, strict=True):
        total += carry(head, reference, chain)
    return total / len(heads)


def affine_round(
    heads: list[Head], stack: np.ndarray, reference: ants.ANTsImage, starts: list[str], work: Path
) -> np.ndarray:
    """Register every head affinely, take the mean shape out, average again."""
    fixed = ants.resample_image(reference.new_image_like(stack[0]), [3.0] * 3)
    affines = []
    for number, (head, start) in enumerate(zip(heads, starts, strict=True)):
        found = ants.registration(
            fixed, head.image, "Affine", initial_transform=start,
            aff_iterations=(200, 100, 30, 0), outprefix=str(work / f"{number:03d}_affine_"),
        )["fwdtransforms"]  # fmt: skip
        affines.append(found[-1])
        sys.stderr.write(f"{head.name}\n")
    return average(heads, reference, [[a] for a in unbiased(starts, affines, work)])


def warp_round(
    heads: list[Head],
    stack: np.ndarray,
    reference: ants.ANTsImage,
    plan: tuple[float, tuple[int, ...]],
    work: Path,
) -> np.ndarray:
    """Register every head with SyN, average again, undo the mean warp."""
    spacing, iterations = plan
    fixed, face = (
        ants.resample_image(reference.new_image_like(c), [spacing] * 3)
        for c in (stack[0], np.clip(stack[1:7].sum(0), 0, 1))
    )
    transforms = []
    for number, head in enumerate(heads):
        began, affine = time.time(), str(affine_path(work, number))
        found = ants.registration(
            fixed, head.image, "SyNOnly", initial_transform=affine,
            syn_metric="CC", syn_sampling=2, reg_iterations=iterations,
            multivariate_extras=[("MeanSquares", face, head.face, 0.5, 0)],
            outprefix=str(work / f"{number:03d}_syn_"),
        )["fwdtransforms"]  # fmt: skip
        transforms.append([found[0], affine])
        sys.stderr.write(f"{head.name} {time.time() - began:.0f} s\n")
    stack = average(heads, reference, transforms)
    undo = [mean_warp_inverse([t[0] for t in transforms], work)]
    return np.stack(
        [
            ants.apply_transforms(reference, reference.new_image_like(c), undo).numpy()
            for c in stack
        ]
    )


def write(stack: np.ndarray, reference: ants.ANTsImage, out_dir: Path, n: int) -> None:
    """Write average and label map as compact NIfTI files."""
    affine = np.diag([SPACING_MM] * 3 + [1.0])
    affine[:3, 3] = [-reference.origin[0], -reference.origin[1], reference.origin[2]]
    image = stack[0] / np.percentile(stack[0], 99.9)
    sharp = ants.from_numpy(image.astype(np.float32), spacing=[SPACING_MM] * 3)
    sharp = image + 0.7 * (image - ants.smooth_image(sharp, 1.5).numpy())
    stored = (np.clip(sharp, 0, 1) * 255).round().astype(np.uint8)
    stored[image < 0.03] = 0  # nothing but residual noise is darker than this
    background = 1 - stack[1:].sum(0)
    dseg = np.argmax(np.concatenate([background[None], stack[1:]]), axis=0).astype(np.uint8)
    for name, data in (("average_head", stored), ("average_head_dseg", dseg)):
        out = nib.Nifti1Image(data, affine)
        out.header.set_xyzt_units("mm")
        out.set_qform(affine, 1)
        out.set_sform(affine, 1)
        out.header["descrip"] = f"average of {n} heads".encode()
        nib.save(out, out_dir / f"{name}.nii.gz")


def main() -> None:
    """Run all rounds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("heads_dir", type=Path)
    parser.add_argument("work_dir", type=Path)
    parser.add_argument("out_dir", type=Path)
    parser.add_argument("--heads", type=int, default=28)
    args = parser.parse_args()
    args.work_dir.mkdir(parents=True, exist_ok=True)
    heads = [Head(args.heads_dir, row) for row in choose_heads(args.heads_dir, args.heads)]
    mean = mean_points([head.points for head in heads])
    reference, starts = empty_reference(mean), []
    for number, head in enumerate(heads):
        turn, shift = rigid(head.points, mean)
        starts.append(rigid_transform_file(turn, shift, args.work_dir / f"{number:03d}_rigid.mat"))
    path = args.work_dir / "round_affine.npy"
    if path.exists():
        stack = np.load(path)
    else:
        stack = average(heads, reference, [[start] for start in starts])
        stack = affine_round(heads, stack, reference, starts, args.work_dir)
        np.save(path, stack)
    for number, plan in enumerate(ROUNDS):
        path = args.work_dir / f"round_{number}.npy"
        if path.exists():
            stack = np.load(path)
            continue
        stack = warp_round(heads, stack, reference, plan, args.work_dir)
        np.save(path, stack)
        write(stack, reference, args.work_dir, len(heads))
        sys.stderr.write(f"round {number} done\n")
    write(stack, reference, args.out_dir, len(heads))


if __name__ == "__main__":
    main()
