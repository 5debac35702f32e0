"""What files carry beside header and voxels, and which of it can hold names.

Names of persons hide in free text: DICOM attributes, comments, command lines. Notes say what was
dropped and how long it was, never what stood there.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Final

from bids_deface.containers.mgh import FIELDS_SIZE, PARAMETERS_SIZE
from bids_deface.containers.nifti import parse_header
from bids_deface.kinds import Container
from bids_deface.volume import Volume

#: Codes of the NIfTI extensions that can hold names.
NAMING: Final[Mapping[int, str]] = MappingProxyType(
    {2: "DICOM", 6: "comment", 8: "XCEDE", 16: "pickle"}
)
#: Size of the header to place and type of its vox_offset.
VOX_OFFSET: Final = {348: (108, "f"), 540: (168, "q")}
FLAG_SIZE = 4
STEP = 16


def without_names(volume: Volume) -> tuple[Volume, tuple[str, ...]]:
    """Drop what can hold names beside the header's own fields; all else stays byte for byte.

    Parameters
    ----------
    volume
        The scan.

    Returns
    -------
    volume
        The same scan without them.
    notes
        One for each thing that was dropped.
    """
    if volume.container is Container.MGH:
        return _without_tags(volume)
    volume, notes = _without_extensions(volume)
    if _says_something(volume.trailer):
        notes += (f"{len(volume.trailer)} bytes after the voxels dropped: no part of the format",)
        volume = replace(volume, trailer=b"")
    if _says_something(volume.lead):
        notes += (f"{len(volume.lead)} bytes before the voxels blanked: no part of the format",)
        volume = replace(volume, lead=bytes(len(volume.lead)))
    return volume, notes


def _fate(code: int, size: int) -> str:
    """Say what became of one extension."""
    if code in NAMING:
        return f"header extension dropped: {NAMING[code]} ({size} bytes)"
    return f"header extension kept: code {code} ({size} bytes), see that it holds no history"


def _without_extensions(volume: Volume) -> tuple[Volume, tuple[str, ...]]:
    """Drop NIfTI extensions that can hold names."""
    header = parse_header(volume.prefix, None)
    size, endian = int(header.sizeof_hdr), str(header.endianness)
    start, flag = volume.prefix[:size], volume.prefix[size : size + FLAG_SIZE]
    block = volume.prefix[size + FLAG_SIZE :]
    if not _says_something(block):
        return volume, ()
    parts = _split(block, endian) if _says_something(flag[:1]) else None
    if parts is None:
        kept, padding = b"", b""
        notes = [f"header extensions dropped: not in order ({len(block)} bytes)"]
    else:
        extensions, padding = parts
        kept = b"".join(content for code, content in extensions if code not in NAMING)
        notes = [_fate(code, len(content)) for code, content in extensions]
        if not any(code in NAMING for code, _ in extensions):
            return volume, tuple(notes)
    block = kept + padding
    if volume.container is Container.NIFTI:
        block += bytes(-(size + FLAG_SIZE + len(block)) % STEP)
        start = _with_offset(start, endian, size + FLAG_SIZE + len(block))
    flag = flag if kept else b"\0" + flag[1:]
    return replace(volume, prefix=start + flag + block), tuple(notes)


def extensions_of(prefix: bytes) -> list[tuple[int, bytes]] | None:
    """Return the extensions of a NIfTI header.

    Parameters
    ----------
    prefix
        Header and what follows it, up to the voxels.

    Returns
    -------
    list of tuple, or None
        Code and whole content of each; None where they are out of order.
    """
    header = parse_header(prefix, None)
    size, endian = int(header.sizeof_hdr), str(header.endianness)
    block = prefix[size + FLAG_SIZE :]
    if not _says_something(block):
        return []
    parts = _split(block, endian) if _says_something(prefix[size : size + 1]) else None
    return None if parts is None else parts[0]


def _split(block: bytes, endian: str) -> tuple[list[tuple[int, bytes]], bytes] | None:
    """Return extensions (code, whole content) and the zeros after them; None if out of order."""
    found, at = [], 0
    while _says_something(block[at:]):
        if len(block) - at < STEP:
            return None
        size, code = struct.unpack_from(f"{endian}ii", block, at)
        if size < STEP or size % STEP or at + size > len(block):
            return None
        found.append((code, block[at : at + size]))
        at += size
    return found, block[at:]


def _with_offset(start: bytes, endian: str, offset: int) -> bytes:
    """Return a NIfTI header that lets the voxels begin elsewhere."""
    place, kind = VOX_OFFSET[len(start)]
    field = struct.pack(f"{endian}{kind}", offset)
    return start[:place] + field + start[place + len(field) :]


def _without_tags(volume: Volume) -> tuple[Volume, tuple[str, ...]]:
    """Drop what follows the scan parameters of an MGH file, and what its header does not use."""
    notes: tuple[str, ...] = ()
    tags, unused = volume.trailer[PARAMETERS_SIZE:], volume.prefix[FIELDS_SIZE:]
    if _says_something(tags):
        notes += (f"tags after the voxels dropped ({len(tags)} bytes)",)
        volume = replace(volume, trailer=volume.trailer[:PARAMETERS_SIZE])
    if _says_something(unused):
        notes += (f"{len(unused)} unused bytes of the header blanked",)
        volume = replace(volume, prefix=volume.prefix[:FIELDS_SIZE] + bytes(len(unused)))
    return volume, notes


def _says_something(content: bytes) -> bool:
    """Tell whether there is more than zeros: padding stays as it is."""
    return bool(content.strip(b"\0"))
