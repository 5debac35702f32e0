"""The 24 turns of the axes: what a wrong header can do to a head."""

from __future__ import annotations

import itertools
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bids_deface.volume import canonical_affine, canonical_view

Turn = NDArray[np.float64]
UPRIGHT: Final[Turn] = np.eye(4)
UPRIGHT.setflags(write=False)


def _turns() -> tuple[Turn, ...]:
    """Return the proper rotations that map axes to axes, the identity first."""
    out = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((1.0, -1.0), repeat=3):
            turn = np.eye(4)
            turn[:3, :3] = np.eye(3)[list(order)] * np.array(signs)
            if np.linalg.det(turn) > 0:
                turn.setflags(write=False)
                out.append(turn)
    return tuple(out)


TURNS: Final = _turns()


def turned(
    data: NDArray[Any], affine: NDArray[np.float64], turn: Turn
) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return an image and its affine in the world turned by ``turn``, axes canonical again.

    Parameters
    ----------
    data
        Image (i, j, k).
    affine
        Voxel-to-world matrix (4x4).
    turn
        One of ``TURNS``: from the header's world to the true one.
    """
    there = turn @ affine
    return canonical_view(data, there), canonical_affine(data.shape, there)


def describe_turn(turn: Turn) -> str:
    """Say in words how a head lies against its header; ``as the header says`` if it does."""
    if np.array_equal(turn, UPRIGHT):
        return "as the header says"
    ends = (("left", "right"), ("posterior", "anterior"), ("inferior", "superior"))
    parts = []
    for axis, (_, name) in enumerate(ends):
        there = turn[:3, axis]
        to = int(np.abs(there).argmax())
        parts.append(f"{name} is the head's {ends[to][int(there[to] > 0)]}")
    return f"wrong header: its {', its '.join(parts)}"
