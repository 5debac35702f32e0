"""How often an attacker finds the right person: distances, ranks, rates and their intervals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

#: A difference beyond so many standard deviations counts as this: hair, a cap, a cut chin.
CAP: Final = 3.0
#: Two maps that share a smaller part of the wanted area tell nothing about each other.
LEAST_SHARED: Final = 0.25
#: 95 % of a normal distribution lie within this many standard deviations.
Z: Final = 1.959964


@dataclass(frozen=True)
class Rate:
    """How many heads were matched.

    Attributes
    ----------
    share
        Of all probes.
    low, high
        95 % confidence interval (Wilson 1927, doi 10.1080/01621459.1927.10502953).
    chance
        Share that guessing would match.
    """

    share: float
    low: float
    high: float
    chance: float

    @classmethod
    def of(cls, hits: float, n: int, chance: float) -> Rate:
        """Return the rate of ``hits`` (ties count in part) among ``n`` probes."""
        share = hits / n
        middle = share + Z**2 / (2 * n)
        reach = Z * np.sqrt(share * (1 - share) / n + Z**2 / (4 * n**2))
        scale = 1 + Z**2 / n
        low, high = (float(np.clip((middle + s * reach) / scale, 0, 1)) for s in (-1, 1))
        return cls(share, low, high, chance)


def match_rate(distances: NDArray[np.float64], top: int) -> Rate:
    """Return how often the right head is among the ``top`` nearest ones.

    Parameters
    ----------
    distances
        (n, n or more), probe by gallery; the right one is on the diagonal. Infinite where nothing
        could be compared.
    top
        How many guesses the attacker has.
    """
    n, n_gallery = distances.shape
    right = np.diagonal(distances)[:, None]
    nearer = (distances < right).sum(axis=1)
    # Guessing among equals: where all distances are the same, the rate is chance.
    equal = (distances == right).sum(axis=1)
    hits = np.clip((top - nearer) / equal, 0, 1).sum()
    return Rate.of(float(hits), n, min(1.0, top / n_gallery))


def centred(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return maps or descriptors (n, features) without what all have in common.

    An attacker who has many defaced heads knows what defacing does to all of them: taken off, only
    what sets a head apart is left to be compared.
    """
    known = np.isfinite(values)
    total = np.where(known, values, 0).sum(axis=0)
    return np.asarray(values - total / np.maximum(known.sum(axis=0), 1), dtype=np.float32)


def cosine_distances(
    probes: NDArray[np.float32], gallery: NDArray[np.float32]
) -> NDArray[np.float64]:
    """Return 1 - cosine of the angle between descriptors (n or m, features), probe by gallery.

    A descriptor of nothing but zeros is equally far from all.
    """
    lengths = [np.linalg.norm(v, axis=1, keepdims=True) for v in (probes, gallery)]
    a, b = (
        (v / np.where(length > 0, length, 1)).astype(np.float64)
        for v, length in zip((probes, gallery), lengths, strict=True)
    )
    return np.asarray(1 - a @ b.T)


def map_distances(
    probes: NDArray[np.float32], gallery: NDArray[np.float32], areas: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return mean differences of maps, each place in standard deviations of the gallery, capped.

    Parameters
    ----------
    probes, gallery
        (n, places) and (m, places), NaN where unknown.
    areas
        bool (n, places), where to compare each probe.

    Returns
    -------
    NDArray
        (n, m), probe by gallery; infinite where too little is known.
    """
    spread = _spread(gallery)
    known = np.isfinite(gallery)
    filled = np.nan_to_num(gallery)
    out = np.full((len(probes), len(gallery)), np.inf)
    for row, probe, area in zip(out, probes, areas, strict=True):
        here = area & np.isfinite(probe)
        both = known[:, here]
        apart = np.minimum(np.abs(filled[:, here] - probe[here]) / spread[here], CAP)
        shared = both.sum(axis=1)
        enough = shared > LEAST_SHARED * area.sum()
        row[enough] = (apart * both).sum(axis=1)[enough] / shared[enough]
    return out


def _spread(gallery: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return how much heads differ at each place; nowhere less than a tenth of the usual."""
    known = np.isfinite(gallery)
    n = np.maximum(known.sum(axis=0), 1)
    filled = np.nan_to_num(gallery)
    mean = filled.sum(axis=0) / n
    spread = np.sqrt((np.where(known, filled - mean, 0) ** 2).sum(axis=0) / n)
    usual = float(np.median(spread[spread > 0])) if (spread > 0).any() else 1.0
    return np.asarray(np.maximum(spread, usual / 10), dtype=np.float32)
