"""One image that stands for all frames: echoes, flip angles, time points.

Frames are the 3D parts of an array (i, j, k, t...). At most ``MOST_FRAMES`` of them are read, a
slab of slices at a time, so that a long series needs no more memory than a short one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Frames that are looked at, evenly chosen.
MOST_FRAMES = 16
#: Values held at a time while frames are summarised.
SLAB_VALUES = 4_000_000
#: Side of the regular sample that tells a frame's brightness, voxels.
SAMPLE_SIDE = 48
#: Frames dimmer than this share of the others are noise and tell nothing.
LEAST_LEVEL = 0.02
#: Percentile of the intensities that counts as no signal.
DARK_PERCENT = 1.0
#: Share of the range of intensities below 0 from which they have an offset.
LEAST_OFFSET = 0.15


def frames_of(data: NDArray[Any]) -> list[NDArray[Any]]:
    """Return views (i, j, k) of the frames of an image."""
    return [data[(..., *index)] for index in np.ndindex(*data.shape[3:])]


def slowest_axis(data: NDArray[Any]) -> int:
    """Return the spatial axis along which slabs of an array lie together in memory."""
    return int(np.argmax(np.abs(data.strides[:3])))


def real_part(values: NDArray[Any]) -> NDArray[Any]:
    """Return the magnitude of complex values; real ones as they are."""
    return np.abs(values) if values.dtype.kind == "c" else values


def finite_range(frame: NDArray[Any]) -> tuple[Any, Any]:
    """Return the least and the greatest finite value of a frame, in its own real dtype.

    Parameters
    ----------
    frame
        Values (i, j, k); of complex ones the magnitude counts.
    """
    if frame.dtype.kind in "iu":
        return frame.min(), frame.max()
    ends = []
    for k in range(frame.shape[2]):
        values = real_part(frame[..., k])
        values = values[np.isfinite(values)]
        ends += [values.min(), values.max()] if values.size else []
    return (min(ends), max(ends)) if ends else (frame.real.dtype.type(0),) * 2


def telling_frames(data: NDArray[Any], most: int = MOST_FRAMES) -> list[NDArray[Any]]:
    """Return views of evenly chosen frames, without those that are constant or hold no number.

    Parameters
    ----------
    data
        Values (i, j, k[, t...]), any dtype.
    most
        Greatest number of frames.

    Returns
    -------
    list of ndarray
        Views (i, j, k); the first frame alone where none tells anything.
    """
    frames = frames_of(data)
    places = np.unique(np.linspace(0, len(frames) - 1, min(most, len(frames))).round().astype(int))
    chosen: set[int] = set()
    for place in places:
        # An empty frame sends the next one.
        for i in range(place, len(frames)):
            if i not in chosen and _tells(frames[i]):
                chosen.add(i)
                break
    return [frames[i] for i in sorted(chosen)] or frames[:1]


def robust_mean(data: NDArray[Any], sign: int = 1) -> NDArray[np.float32]:
    """Return the median over evenly chosen frames, each scaled to one common brightness.

    Parameters
    ----------
    data
        Values (i, j, k[, t...]), real or complex; of complex ones the magnitude counts.
    sign
        -1 where less is more signal.

    Returns
    -------
    ndarray
        float32 (i, j, k), more is more signal; where no frame holds a finite number, 0 or the
        least of all values.
    """
    frames = telling_frames(data)
    scales = 1 / relative_levels(frames, frames, sign)
    dark = np.float32(common_darkness(frames, sign))
    out: NDArray[np.float32] = np.empty(data.shape[:3], dtype=np.float32, order="F")
    thick = max(1, SLAB_VALUES // (len(frames) * out.shape[0] * out.shape[1]))
    for start in range(0, out.shape[2], thick):
        slab = slice(start, start + thick)
        stack = [
            (_finite(frame[..., slab]) * np.float32(sign) - dark) * np.float32(scale) + dark
            for frame, scale in zip(frames, scales, strict=True)
        ]
        middle = stack[0] if len(stack) == 1 else _median(np.stack(stack))
        out[..., slab] = middle
    unknown = np.isnan(out) if data.dtype.kind in "fc" else np.False_
    if unknown.any():
        # Dark, also where air is below 0.
        out[unknown] = 0.0
        out[unknown] = min(0.0, float(out.min()))
    return out


def darkness(values: NDArray[Any]) -> float:
    """Return what stands for no signal where an image is not seen: 0, or what is still darker.

    Parameters
    ----------
    values
        Intensities of any shape; stored ones with an offset lie far below 0.
    """
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0
    low, high = (float(v) for v in np.percentile(finite, (DARK_PERCENT, 100 - DARK_PERCENT)))
    # Noise about 0, and what filters leave below it, is no offset.
    return low if low < -LEAST_OFFSET * (high - low) else 0.0


def darkness_of(image: NDArray[Any]) -> float:
    """Return :func:`darkness` of a regular sample of an image (i, j, k)."""
    return darkness(_sample(image))


def common_darkness(frames: Sequence[NDArray[Any]], sign: int = 1) -> float:
    """Return :func:`darkness` of some frames (i, j, k) together, times a sign; 0 for one alone."""
    if len(frames) < 2:
        return 0.0
    return darkness(np.stack([_sample(frame, sign) for frame in frames]))


def relative_levels(
    frames: Sequence[NDArray[Any]], among: Sequence[NDArray[Any]], sign: int = 1
) -> NDArray[np.float64]:
    """Return how bright frames are, as a share of the typical frame.

    Compared is the median over voxels that are bright in most frames, so that neither a spike
    nor a bright background decides.

    Parameters
    ----------
    frames
        Frames (i, j, k) to judge.
    among
        Frames of the same image that tell which voxels are bright, and what is typical.
    sign
        -1 where less is more signal.

    Returns
    -------
    ndarray
        One factor for each frame, of what lies above :func:`common_darkness`; 1 where a frame
        cannot be compared (signed or empty).
    """
    if len(among) < 2:
        return np.ones(len(frames))
    samples = np.stack([_sample(frame, sign) for frame in among])
    dark = darkness(samples)
    samples -= np.float32(dark)
    scale = np.nanpercentile(np.abs(samples), 90, axis=(1, 2, 3), keepdims=True)
    typical = np.median(np.nan_to_num(samples / np.where(scale > 0, scale, 1)), axis=0)
    bright = typical > typical.mean()
    middle = float(np.median([_level(sample, bright) for sample in samples]))
    levels = np.array(
        [_level(_sample(frame, sign) - np.float32(dark), bright) for frame in frames]
    )
    usable = (levels > LEAST_LEVEL * middle) & (middle > 0)
    return np.where(usable, levels / (middle if middle > 0 else 1.0), 1.0)


def _tells(frame: NDArray[Any]) -> bool:
    """Tell whether a frame holds more than one finite value."""
    sample = _sample(frame)
    finite = sample[np.isfinite(sample)]
    return bool(finite.size > 1 and np.ptp(finite) > 0)


def _sample(frame: NDArray[Any], sign: int = 1) -> NDArray[np.float32]:
    """Return a regular sample of a frame, times a sign; NaN where it holds no number."""
    steps = tuple(slice(None, None, max(1, n // SAMPLE_SIDE)) for n in frame.shape)
    return _finite(frame[steps]) * np.float32(sign)


def _finite(values: NDArray[Any]) -> NDArray[np.float32]:
    """Return real float32 values with NaN for whatever is not finite."""
    # What float32 cannot hold is no intensity.
    with np.errstate(over="ignore"):
        out = real_part(values).astype(np.float32)
    if values.dtype.kind in "fc":
        out[~np.isfinite(out)] = np.nan
    return out


def _level(sample: NDArray[np.float32], bright: NDArray[np.bool_]) -> float:
    values = sample[bright]
    values = values[np.isfinite(values)]
    return float(np.median(values)) if values.size else 0.0


def _median(stack: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the median over the first axis, leaving out NaN."""
    stack.sort(axis=0)
    # NaN sort to the end.
    count = np.isfinite(stack).sum(axis=0, keepdims=True)
    low, high = (np.maximum(at, 0) for at in ((count - 1) // 2, count // 2))
    high = np.minimum(high, len(stack) - 1)
    pair = (np.take_along_axis(stack, at, axis=0)[0] for at in (low, high))
    return np.asarray(sum(pair) / np.float32(2), dtype=np.float32)
