"""Which kind of file a name stands for, and which files belong together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from bids_deface.errors import OutputError
from bids_deface.kinds import Container

#: The usual name of each kind comes last but for what is zipped.
SUFFIXES: Final[Mapping[Container, tuple[str, ...]]] = MappingProxyType(
    {
        Container.NIFTI: (".nii", ".nii.gz"),
        Container.PAIR: (".hdr", ".img", ".hdr.gz", ".img.gz"),
        Container.MGH: (".mgh", ".mgz", ".mgh.gz"),
    }
)
#: What new files of each kind are called.
USUAL_SUFFIX: Final[Mapping[Container, str]] = MappingProxyType(
    {Container.NIFTI: ".nii.gz", Container.PAIR: ".img", Container.MGH: ".mgz"}
)
ZIPPED = (".gz", ".mgz")


def container_of(path: Path) -> Container | None:
    """Return the kind of file that a name stands for; None for other names."""
    kinds = (kind for kind, suffixes in SUFFIXES.items() if path.name.endswith(suffixes))
    return next(kinds, None)


def split_name(path: Path) -> tuple[str, str]:
    """Return stem and suffix of an image's name: ``("T1w", ".nii.gz")``."""
    known = (s for suffixes in SUFFIXES.values() for s in suffixes if path.name.endswith(s))
    suffix = max(known, key=len, default=path.suffix)
    return path.name.removesuffix(suffix), suffix


def files_of(path: Path) -> tuple[Path, ...]:
    """Return the files that one image is made of: of a pair, header and voxels in this order."""
    if container_of(path) is not Container.PAIR:
        return (path,)
    stem, suffix = split_name(path)
    zipped = suffix.removeprefix(suffix[:4])
    return path.with_name(f"{stem}.hdr{zipped}"), path.with_name(f"{stem}.img{zipped}")


def check_suffix(path: Path, container: Container, source: str) -> None:
    """Raise unless a file of this name can hold what ``source`` holds, byte for byte.

    Raises
    ------
    OutputError
        With the names that can.
    """
    if container_of(path) is not container:
        raise OutputError(
            f"{path} must end in {' or '.join(SUFFIXES[container])}: {source}.",
            "Convert the scan before or after, not while defacing.",
        )
