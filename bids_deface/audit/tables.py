"""Identifying columns and cells in tables of participants, sessions and scans."""

from __future__ import annotations

import csv
import re
from pathlib import Path, PurePosixPath
from typing import Final

from bids_deface.audit.finding import Finding, Kind, Weight
from bids_deface.audit.metadata import BLANK, identifies
from bids_deface.audit.wording import is_real_date, telling_forms
from bids_deface.dataset.ages import is_above_cap, is_age, years_per_unit
from bids_deface.textfiles import read_json

#: Tables about persons; events and recordings are about stimuli and signals.
PERSONAL: Final = re.compile(r"(^|_)(participants|sessions|scans|samples)\.tsv$")
COLUMNS: Final = re.compile(r"^(name|initials|address|operator|hospital_?id|patient)$", re.I)
ACQ_TIME: Final = "acq_time"


def is_personal(file: str) -> bool:
    """Tell whether a table is one about persons or scans."""
    path = PurePosixPath(file)
    return bool(PERSONAL.search(path.name)) or (
        path.suffix == ".tsv" and path.parent.name == "phenotype"
    )


def audit_table(root: Path, file: str) -> list[Finding]:
    """Return what identifies in a table, one finding a column.

    Parameters
    ----------
    root, file
        Dataset, and path within it.
    """
    try:
        text = (root / file).read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), delimiter="\t"))
    except (OSError, ValueError, csv.Error):
        reason = "it cannot be read, so nobody knows what it tells"
        return [Finding(file, Kind.TEXT, "file", "unreadable", Weight.PROBLEM, reason)]
    if not rows:
        return []
    units = read_json((root / file).with_suffix(".json"))
    found = []
    for number, column in enumerate(rows[0]):
        cells = [row[number] for row in rows[1:] if number < len(row)]
        said = [cell for cell in cells if not BLANK.fullmatch(cell)]
        reason = _judge(column, said, years_per_unit(units, column))
        if reason:
            found.append(Finding(file, Kind.TEXT, column, "found", Weight.PROBLEM, reason))
    return found


def _judge(column: str, cells: list[str], years: float) -> str:
    """Return in words what a column tells; empty where it tells nothing."""
    if column == ACQ_TIME:
        real = sum(map(is_real_date, cells))
        return f"{real} real dates; shifted ones lie before 1925" if real else ""
    if is_age(column):
        high = sum(is_above_cap(cell, years) for cell in cells)
        return f"{high} ages above 89" if high else ""
    if cells and (identifies(column) or COLUMNS.search(column)):
        return "names a person, place, device or date"
    forms = dict.fromkeys(form for cell in cells for form in telling_forms(cell))
    return f"holds {', '.join(forms)}" if forms else ""
