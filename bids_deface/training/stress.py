"""The perturbations under which the detector is tried: a fixed, seeded list.

Each takes a head on the 2 mm grid and returns what a scanner, a site or another tool could have
made of it, with the labels that still hold.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import Tensor

from bids_deface.anatomy import BRAIN, BRAIN_CLASS, CLASS_OF_LABEL
from bids_deface.detection.grid import SPACING_MM
from bids_deface.training import artefacts, contrasts, negatives
from bids_deface.training.data import EvaluationHead, class_map
from bids_deface.training.draw import Draw

Change = Callable[[EvaluationHead, Draw], EvaluationHead]


@dataclass(frozen=True)
class Perturbation:
    """One condition of the stress test.

    Attributes
    ----------
    name
        Short name for tables.
    change
        Makes the perturbed head.
    """

    name: str
    change: Change

    def apply(self, head: EvaluationHead) -> EvaluationHead:
        """Perturb one head; the random numbers depend on both names alone."""
        seed = sum(ord(c) * 31**n for n, c in enumerate(f"{self.name}/{head.name}")) % 2**31
        return self.change(head, Draw(torch.Generator().manual_seed(seed), torch.device("cpu")))


def _intensity(change: Callable[[Tensor, Tensor, Draw], Tensor]) -> Change:
    """Change intensities only; ``change`` gets image, classes and random numbers."""

    def apply(head: EvaluationHead, draw: Draw) -> EvaluationHead:
        out = change(torch.from_numpy(head.image), _classes(head), draw)
        return replace(head, image=out.numpy().astype(np.float32))

    return apply


def _classes(head: EvaluationHead) -> Tensor:
    return class_map(head).classes.long()


def _image(change: Callable[[Tensor], Tensor]) -> Change:
    """Change intensities by a rule without chance."""
    return _intensity(lambda image, _classes, _draw: change(image))


def _fixed(change: Callable[[EvaluationHead], EvaluationHead]) -> Change:
    """Change a head by a rule without chance."""
    return lambda head, _draw: change(head)


def _contrast(image: Tensor, table: tuple[float, ...]) -> Tensor:
    """Look intensities up in a table over air, bone, muscle ... white matter, fat."""
    return contrasts.interpolate(image, torch.tensor(table))


def _snr(image: Tensor, classes: Tensor, draw: Draw, snr: float) -> Tensor:
    """Rician noise; the signal is the brain's mean."""
    return artefacts.add_noise(image, float(image[classes == BRAIN_CLASS].mean()) / snr, draw)


def _turn(head: EvaluationHead, axis: int, degrees: float) -> EvaluationHead:
    """Turn the head about its centre: the patient lies obliquely."""
    p, q = [n for n in range(3) if n != axis]
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    matrix = np.eye(3)
    matrix[p, p] = matrix[q, q] = c
    matrix[p, q], matrix[q, p] = -s, s
    return _resample(head, matrix, head.image.shape)


def _zoom(head: EvaluationHead, factor: float) -> EvaluationHead:
    """Make the head smaller or larger in the same field of view."""
    return _resample(head, np.eye(3) / factor, head.image.shape)


def _voxels(head: EvaluationHead, zoom_mm: float) -> EvaluationHead:
    """Sample the same head in voxels of another size."""
    factor = zoom_mm / SPACING_MM
    shape = tuple(round(n / factor) for n in head.image.shape)
    out = _resample(head, np.eye(3) * factor, shape)
    matrix = np.eye(4)
    matrix[:3, :3] *= factor
    matrix[:3, 3] = (np.array(head.image.shape) - 1) / 2 - factor * (np.array(shape) - 1) / 2
    return replace(out, affine=head.affine @ matrix)


def _resample(
    head: EvaluationHead, matrix: NDArray[np.float64], shape: tuple[int, ...]
) -> EvaluationHead:
    """Resample image and labels about the centre of the field of view."""
    offset = (np.array(head.image.shape) - 1) / 2 - matrix @ ((np.array(shape) - 1) / 2)
    return replace(
        head,
        image=ndimage.affine_transform(head.image, matrix, offset, shape, order=1),
        dseg=ndimage.affine_transform(head.dseg, matrix, offset, shape, order=0),
        target=ndimage.affine_transform(head.target, matrix, offset, shape, order=0),
    )


def _crop(head: EvaluationHead, label: int, axis: int, share: float) -> EvaluationHead:
    """Cut the field of view through a region: ``share`` of its extent is lost."""
    where = np.flatnonzero((head.dseg == label).any(tuple(a for a in range(3) if a != axis)))
    if not len(where):
        return head
    if axis == 1:
        kept = slice(0, round(where[-1] + 1 - share * len(where)))
    else:
        kept = slice(round(where[0] + share * len(where)), None)
    return _keep(head, axis, kept)


def _slab(head: EvaluationHead) -> EvaluationHead:
    """Keep an axial slab of 80 mm through the middle of the brain."""
    where = np.flatnonzero((head.dseg == BRAIN).any((0, 1)))
    middle, half = round(where.mean()), round(40 / SPACING_MM)
    return _keep(head, 2, slice(max(0, middle - half), middle + half))


def _keep(head: EvaluationHead, axis: int, kept: slice) -> EvaluationHead:
    where = [slice(None)] * 3
    where[axis] = kept
    shift = np.eye(4)
    shift[axis, 3] = kept.start or 0
    return replace(
        head,
        image=np.ascontiguousarray(head.image[tuple(where)]),
        dseg=np.ascontiguousarray(head.dseg[tuple(where)]),
        target=np.ascontiguousarray(head.target[tuple(where)]),
        affine=head.affine @ shift,
    )


def _take_away(head: EvaluationHead, kind: str) -> EvaluationHead:
    """Deface as other tools do, or skull-strip; the labels of what is gone go too."""
    classes = _classes(head)
    if kind == "stripped":
        gone = classes != CLASS_OF_LABEL[BRAIN]
    elif kind == "plane":
        gone = negatives.behind_plane(classes, 0.5, 2.0)
    elif kind == "lower half":
        gone = negatives.below_eyes(classes, 0.3, 0.0)
    else:
        gone = negatives.grow((classes > 0) & (classes < CLASS_OF_LABEL[BRAIN]), 3)
        gone &= classes != CLASS_OF_LABEL[BRAIN]
    image, left = negatives.remove(torch.from_numpy(head.image), classes, gone, 0.0)
    dseg = np.where(left.numpy() > 0, head.dseg, 0)
    return replace(head, image=image.numpy(), dseg=dseg, target=np.minimum(head.target, dseg))


def _wrong_header(head: EvaluationHead, turn: tuple[int, ...]) -> EvaluationHead:
    """Store the head turned, as if the header had mixed up the axes."""
    matrix = np.zeros((4, 4))
    for row, column in enumerate(turn):
        matrix[row, abs(column) - 1] = np.sign(column)
    matrix[3, 3] = 1
    return replace(head, affine=matrix @ head.affine)


#: Tables of 8 knots over the square root of T1w intensity: air, bone, fluid, muscle, grey matter,
#: white matter, marrow, fat.
T2_LIKE = (0.0, 0.15, 1.0, 0.35, 0.6, 0.5, 0.35, 0.3)
FLAIR_LIKE = (0.0, 0.05, 0.1, 0.45, 0.75, 0.6, 0.45, 0.5)
PD_LIKE = (0.0, 0.3, 0.75, 0.7, 0.8, 0.7, 0.8, 0.9)
T2STAR_LIKE = (0.0, 0.05, 0.8, 0.5, 0.55, 0.4, 0.3, 0.15)


def _noisy_air(image: Tensor, _classes: Tensor, draw: Draw) -> Tensor:
    return artefacts.noisy_air(image, image < contrasts.VOID, draw)


def _bias(image: Tensor, _classes: Tensor, draw: Draw) -> Tensor:
    return artefacts.bias_field(image, draw, 0.5)


def _dim_face(head: EvaluationHead, draw: Draw) -> EvaluationHead:
    """Leave 15 % of the signal in the face, as a coil behind the head or a saturation band."""
    face = np.isin(head.dseg, [i for i in CLASS_OF_LABEL if i != BRAIN])
    near = ndimage.gaussian_filter(
        ndimage.binary_dilation(face, iterations=4).astype(np.float32), 2
    )
    dim = torch.from_numpy(head.image * (1 - 0.85 * near))
    return replace(head, image=artefacts.add_noise(dim, 0.01, draw).numpy())


def _of_intensity() -> tuple[Perturbation, ...]:
    """Contrasts, artefacts and noise."""
    changes: dict[str, Change] = {
        "T2w-like": _image(partial(_contrast, table=T2_LIKE)),
        "FLAIR-like": _image(partial(_contrast, table=FLAIR_LIKE)),
        "PDw-like": _image(partial(_contrast, table=PD_LIKE)),
        "T2*w-like": _image(partial(_contrast, table=T2STAR_LIKE)),
        "inverted": _image(lambda image: 1 - image),
        "random contrast": _intensity(contrasts.synthesise_contrast),
        "UNIT1 air": _intensity(_noisy_air),
        "SNR 5": _intensity(partial(_snr, snr=5.0)),
        "strong bias": _intensity(_bias),
        "ghosts": _image(partial(artefacts.ghosts, axis=1, n=3, strength=0.3)),
    }
    changes["dim face"] = _dim_face
    for axis, name in enumerate(("sagittal", "coronal", "axial")):
        slices = partial(artefacts.thick_slices, axis=axis, thickness_mm=6.0)
        changes[f"6 mm {name} slices"] = _image(slices)
    return tuple(Perturbation(name, change) for name, change in changes.items())


def _of_shape() -> tuple[Perturbation, ...]:
    """Positions, sizes, voxels, fields of view, headers, and what other tools leave."""
    changes: dict[str, Callable[[EvaluationHead], EvaluationHead]] = {
        "30 degrees nodding": partial(_turn, axis=0, degrees=30.0),
        "30 degrees tilted": partial(_turn, axis=1, degrees=30.0),
        "30 degrees turned": partial(_turn, axis=2, degrees=30.0),
        "40 degrees nodding": partial(_turn, axis=0, degrees=40.0),
        "child (zoom 0.75)": partial(_zoom, factor=0.75),
        "0.6 mm voxels": partial(_voxels, zoom_mm=0.6),
        "3 mm voxels": partial(_voxels, zoom_mm=3.0),
        "nose cut": partial(_crop, label=3, axis=1, share=0.5),
        "no chin": partial(_crop, label=6, axis=2, share=0.5),
        "left ear cut": partial(_crop, label=4, axis=0, share=1.0),
        "axial slab": _slab,
        "upside down": partial(_wrong_header, turn=(1, -2, -3)),
        "axes mixed up": partial(_wrong_header, turn=(2, 3, 1)),
        "defaced by a plane": partial(_take_away, kind="plane"),
        "defaced below the eyes": partial(_take_away, kind="lower half"),
        "features cut out": partial(_take_away, kind="features"),
        "skull-stripped": partial(_take_away, kind="stripped"),
    }
    return tuple(Perturbation(name, _fixed(change)) for name, change in changes.items())


#: Every condition of ``evaluate --stress`` but the plain one.
STRESS: Final = (*_of_intensity(), *_of_shape())
