"""The heads of a cohort as the attackers of the identity test see them: files in, prints out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bids_deface.assurance.head_frame import fit_brain, frame_head, frame_mask
from bids_deface.assurance.identity import HeadPrint, Person, Probe, head_print
from bids_deface.assurance.rescan import scan_again
from bids_deface.assurance.surface_attack import touched_map
from bids_deface.containers.load import load_volume
from bids_deface.detection.turns import turned
from bids_deface.errors import ImageError
from bids_deface.frames import darkness_of
from bids_deface.volume import Volume, one_image

if TYPE_CHECKING:
    from bids_deface.detection.detector import FeatureDetector

#: Seed of the made-up rescans: the same figures in every run.
SEED = 2019


@dataclass(frozen=True)
class Pair:
    """One person's original scan and what defacing made of it.

    Attributes
    ----------
    name
        How to call the person in messages.
    original, defaced
        Files.
    """

    name: str
    original: Path
    defaced: Path


def load_stranger(
    path: Path, detector: FeatureDetector, recogniser: Any | None = None
) -> HeadPrint:
    """Return what the attackers see of an original alone, for the gallery.

    Parameters
    ----------
    path
        The scan.
    detector, recogniser
        As in :func:`load_person`.

    Raises
    ------
    DefaceError
        The file cannot be read or shows no head.
    """
    volume = load_volume(path)
    image = _signal(volume)
    image -= np.float32(darkness_of(image))
    turn, sighting = detector.look(image, volume.affine)
    if sighting.problem is not None:
        raise sighting.problem
    image, affine = turned(image, volume.affine, turn)
    to_scan = fit_brain(*detector.find_brain(image, affine))
    return head_print(frame_head(image, affine, to_scan), recogniser)


def _signal(volume: Volume) -> NDArray[np.float32]:
    """Return one image (i, j, k) that stands for a volume, known everywhere."""
    return np.asarray(np.nan_to_num(one_image(volume)), dtype=np.float32).copy()


def load_person(
    pair: Pair, number: int, detector: FeatureDetector, recogniser: Any | None = None
) -> Person:
    """Return what the attackers see of one person.

    Parameters
    ----------
    pair
        The person's scans, on one grid.
    number
        Of the person; the rescans of no two are alike.
    detector
        Finds the brain, in each image anew.
    recogniser
        See :func:`bids_deface.assurance.identity.head_print`.

    Raises
    ------
    DefaceError
        A file cannot be read, shows no head, or the two do not share a grid.
    """
    before, after = load_volume(pair.original), load_volume(pair.defaced)
    if before.data.shape != after.data.shape or not np.allclose(
        before.affine, after.affine, atol=1e-3
    ):
        raise ImageError(
            f"{pair.original} and {pair.defaced} do not share a grid.",
            "The identity test needs the defaced image on the grid of its original.",
        )
    images = [_signal(v) for v in (before, after)]
    # Stored values may have an offset; the attackers take what they do not see for 0.
    dark = np.float32(darkness_of(images[0]))
    images = [image - dark for image in images]
    # The original tells how the head lies: without a face, nobody could.
    turn, sighting = detector.look(images[0], before.affine)
    if sighting.problem is not None:
        raise sighting.problem
    (original, affine), (defaced, _) = (turned(image, before.affine, turn) for image in images)
    rng = np.random.default_rng([SEED, number])
    others = {
        Probe.RESCAN: scan_again(original, affine, rng),
        Probe.DEFACED: defaced,
        Probe.DEFACED_RESCAN: scan_again(defaced, affine, rng),
    }

    def laid(image: NDArray[Any]) -> NDArray[np.float64]:
        return fit_brain(*detector.find_brain(image, affine))

    def seen(image: NDArray[Any], to_scan: NDArray[np.float64]) -> HeadPrint:
        return head_print(frame_head(image, affine, to_scan), recogniser)

    to_scan = laid(original)
    return Person(
        original=seen(original, to_scan),
        probes={probe: seen(image, laid(image)) for probe, image in others.items()},
        touched=touched_map(frame_mask(original != defaced, affine, to_scan)),
    )
