"""The feature detector: one image in, labelled regions in the scan's own grid out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage

from bids_deface.anatomy import BRAIN, CLASS_OF_LABEL
from bids_deface.detection.checksum import DEFAULT_WEIGHTS
from bids_deface.detection.grid import Grid, conform
from bids_deface.detection.inference import predict_array
from bids_deface.detection.outline import find_outline
from bids_deface.detection.plausibility import RegionReport, judge, require_head
from bids_deface.detection.pose import drop_strays
from bids_deface.detection.regions import find_regions
from bids_deface.detection.weights import LoadedNetwork, load_weights
from bids_deface.errors import DeviceError
from bids_deface.tissue import bounding_box

#: Probability from which a voxel belongs to a facial region; low, because a missed part shows.
FACE_PROBABILITY = 0.4
BRAIN_PROBABILITY = 0.5
#: Later labels overwrite earlier ones where regions meet.
PRIORITY = (4, 5, 6, 1, 2, 3, BRAIN)


@dataclass(frozen=True)
class FeatureMap:
    """What the detector knows of one image.

    Attributes
    ----------
    dseg
        uint8 (i, j, k), labels of :mod:`bids_deface.anatomy` in the image's own grid.
    regions
        One report for each facial region.
    brain_ml
        Volume of the brain.
    threshold
        Intensity of the image above which a voxel is head.
    head
        Filled head mask (2 mm).
    head_grid
        Grid of ``head``.
    """

    dseg: NDArray[np.uint8]
    regions: tuple[RegionReport, ...]
    brain_ml: float
    threshold: float
    head: NDArray[np.bool_]
    head_grid: Grid


class FeatureDetector:
    """Finds eyes, nose, ears, mouth and brain in any head MR.

    Parameters
    ----------
    weights
        Weights file; its ``.sha256`` must lie beside it.
    device
        Torch device.
    num_threads
        CPU threads of the network; None leaves torch's own choice.
    """

    def __init__(
        self, weights: Path = DEFAULT_WEIGHTS, device: str = "cpu", num_threads: int | None = None
    ) -> None:
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        self._loaded = _load_once(weights, device)

    @property
    def sha256(self) -> str:
        """Checksum of the weights."""
        return self._loaded.sha256

    def detect(self, image: NDArray[np.float32], affine: NDArray[np.float64]) -> FeatureMap:
        """Find the features of one image.

        Parameters
        ----------
        image
            Intensities (i, j, k), brighter = more signal.
        affine
            Voxel-to-world matrix (4x4, RAS+, mm).

        Raises
        ------
        NoHeadError
            There is no head with a plausible brain in the image.
        """
        conformed = conform(image, affine)
        outline = find_outline(conformed)
        probseg = predict_array(self._loaded.network, conformed.image)
        found = drop_strays(find_regions(probseg, conformed.grid))
        require_head(found, outline.mask, conformed.image)
        regions = judge(found, outline.mask, conformed.grid)
        dseg = np.zeros(image.shape, dtype=np.uint8)
        for index in PRIORITY:
            if index in found:
                level = BRAIN_PROBABILITY if index == BRAIN else FACE_PROBABILITY
                soft = probseg[CLASS_OF_LABEL[index]]
                _paint(dseg, index, soft, found[index].mask, level, affine, conformed.grid)
        return FeatureMap(
            dseg=dseg,
            regions=regions,
            brain_ml=found[BRAIN].volume_ml,
            threshold=outline.threshold,
            head=outline.mask,
            head_grid=conformed.grid,
        )


def _paint(
    dseg: NDArray[np.uint8],
    index: int,
    soft: NDArray[np.float32],
    mask: NDArray[np.bool_],
    level: float,
    affine: NDArray[np.float64],
    grid: Grid,
) -> None:
    """Interpolate one region's probability to the scan's grid and write its label."""
    # Two voxels around the region: what lies farther belongs to another part of the class.
    near = ndimage.binary_dilation(mask, iterations=2)
    box = bounding_box(near, 1)
    to_scan = np.linalg.inv(affine) @ grid.affine
    target = _box_in_scan(box, to_scan, dseg.shape)
    if any(s.stop <= s.start for s in target):
        return
    start_scan = np.array([s.start for s in target])
    start_soft = np.array([s.start for s in box])
    back = np.linalg.inv(to_scan)
    offset = back[:3, :3] @ start_scan + back[:3, 3] - start_soft
    shape = tuple(s.stop - s.start for s in target)
    values = ndimage.affine_transform(
        np.where(near, soft, 0)[box], back[:3, :3], offset, shape, order=1, mode="nearest"
    )
    dseg[target][values > level] = index


def _box_in_scan(
    box: tuple[slice, ...], to_scan: NDArray[np.float64], shape: tuple[int, ...]
) -> tuple[slice, ...]:
    """Return the box of the scan's voxels that covers a box of the detector's grid."""
    corners = np.array(np.meshgrid(*[(s.start - 0.5, s.stop - 0.5) for s in box])).reshape(3, -1)
    moved = to_scan[:3, :3] @ corners + to_scan[:3, 3:4]
    low = np.floor(moved.min(axis=1)).astype(int)
    high = np.ceil(moved.max(axis=1)).astype(int) + 1
    return tuple(
        slice(max(0, int(a)), min(n, int(b))) for a, b, n in zip(low, high, shape, strict=True)
    )


@lru_cache(maxsize=2)
def _load_once(weights: Path, device: str) -> LoadedNetwork:
    """Load the weights once per process."""
    try:
        return load_weights(weights, device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"The device {device!r} is not available.") from error
