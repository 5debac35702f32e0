"""Text in the headers of NIfTI files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.wording import telling_forms
from bids_deface.containers.extensions import NAMING, extensions_of
from bids_deface.containers.files import reading
from bids_deface.containers.names import container_of, files_of
from bids_deface.containers.nifti import parse_header, read_start
from bids_deface.containers.voxels import MOST_BESIDE
from bids_deface.errors import DefaceError
from bids_deface.kinds import Container

TEXTS: Final = ("descrip", "aux_file", "intent_name", "db_name")
#: Where converters of old put the person's name.
NAME_FIELD: Final = "db_name"


def audit_header(root: Path, file: str) -> list[Finding]:
    """Return what identifies in the header of a NIfTI file; nothing for other files.

    Parameters
    ----------
    root, file
        Dataset, and path within it.
    """
    path = root / file
    kind = container_of(path)
    # A pair is told once, by its header.
    if kind not in (Container.NIFTI, Container.PAIR) or files_of(path)[0] != path:
        return []
    try:
        return _judge(file, *_read(files_of(path)[0]))
    except DefaceError:
        reason = "its header cannot be read, so nobody knows what it tells"
        return [Finding(file, Kind.TEXT, "header", "unreadable", Weight.PROBLEM, reason)]


def _read(path: Path) -> tuple[dict[str, str], list[tuple[int, bytes]] | None]:
    """Return the texts and the extensions of a header; None where these are out of order."""
    with reading(path) as file:
        start = read_start(file)
        header = parse_header(start, path)
        offset = float(header["vox_offset"])
        least = 0 if container_of(path) is Container.PAIR else offset
        # A pair's header ends with its file.
        rest = int(min(max(least - len(start), 0), MOST_BESIDE)) if least else MOST_BESIDE
        start += file.read(rest)
    texts = {name: header[name].item().decode("latin-1").strip("\0 ") for name in TEXTS}
    return texts, extensions_of(start)


def _judge(
    file: str, texts: dict[str, str], extensions: list[tuple[int, bytes]] | None
) -> list[Finding]:
    found = []
    for name, text in texts.items():
        forms = telling_forms(text)
        if forms or (name == NAME_FIELD and text):
            reason = f"holds {', '.join(forms)}" if forms else "can hold the person's name"
            found.append(Finding(file, Kind.TEXT, name, "found", Weight.PROBLEM, reason))
    if extensions is None:
        reason = "header extensions are out of order: nobody knows what they hold"
        found.append(Finding(file, Kind.TEXT, "extensions", "found", Weight.PROBLEM, reason))
    for code, _ in extensions or ():
        naming = NAMING.get(code)
        reason = f"holds {naming}" if naming else "can hold a history with names and paths"
        weight = Weight.PROBLEM if naming else Weight.NOTE
        found.append(Finding(file, Kind.TEXT, f"extension {code}", "found", weight, reason))
    return list({finding.key: finding for finding in found}.values())
