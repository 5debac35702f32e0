"""Are the weights the ones that were shipped? Known without loading torch."""

from __future__ import annotations

import hashlib
from pathlib import Path

from bids_deface.errors import WeightsError

DEFAULT_WEIGHTS = Path(__file__).parent / "weights" / "head-attunet-2mm.safetensors"
CHECKSUM_SUFFIX = ".sha256"


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal text."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def verify(path: Path = DEFAULT_WEIGHTS) -> str:
    """Return a weights file's checksum after comparing it with the ``.sha256`` beside it.

    Raises
    ------
    WeightsError
        A file is missing or altered. Nothing is ever downloaded.
    """
    sums = path.with_name(path.name + CHECKSUM_SUFFIX)
    for needed in (path, sums):
        if not needed.is_file():
            raise WeightsError(f"The detector's weights are missing: {needed}.")
    checksum = sha256_of(path)
    if sums.read_text(encoding="utf-8").split()[:1] != [checksum]:
        raise WeightsError(f"The detector's weights were altered: {path} fails its SHA-256 check.")
    return checksum
