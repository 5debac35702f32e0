"""The group table: every image as a row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bids_deface.anatomy import ALL_FEATURES
from bids_deface.reports.records import feature_names, feature_statuses
from bids_deface.reports.tables import write_table

STATUS = (
    "{} in the original: found, cut off (by the field of view), outside (of it), absent (cut out "
    "before) or doubtful"
)
#: Begins the names of columns of features that only some weights know.
OWN = "feature_"
#: Column to its description in the data dictionary and its key in a record.
COLUMNS = {
    "source": ("Raw image, relative to the raw dataset", "Source"),
    "verdict": ("PASS, REVIEW (a human must look) or FAIL (nothing written)", "Verdict"),
    "reasons": ("Why the verdict is not PASS", "Reasons"),
    **{f.value: (STATUS.format(f.value.capitalize()), f.value) for f in ALL_FEATURES},
    "changed_voxels": ("Number of voxels whose stored value changed", "ChangedVoxels"),
    "changed_share": ("Changed voxels as a share of all voxels", "ChangedShare"),
    "changed_in_brain": (
        "Changed voxels in the predicted brain plus 3 mm",
        "ChangedVoxelsInBrain",
    ),
    "spared_for_brain": (
        "Voxels that were to change but lie within 3 mm of the predicted brain, over all features",
        "VoxelsSparedForBrain",
    ),
    "faces_before": (
        "JSON: face detector to the number of views before defacing in which it finds a face",
        "FaceViewsBefore",
    ),
    "faces_after": ("The same after defacing", "FaceViewsAfter"),
    "residues": (
        "JSON: region to how far its skin stands out, its relief (mm), tissue as it was (ml)",
        "Residues",
    ),
    "brain_ml": ("Volume of the predicted brain in millilitres", "BrainMl"),
    "seconds": ("Time for detection, distortion and checks", "Seconds"),
    "version": ("Version of bids-deface", "Version"),
}


def write_group_table(output_dir: Path, records: list[dict[str, Any]]) -> Path:
    """Write ``group_deface.tsv`` and its data dictionary; return the table's path."""
    told = {**COLUMNS, **_own_columns(records)}
    columns = {name: words for name, (words, _) in told.items()}
    known = ({**record, **_statuses(record)} for record in records)
    rows = ([_cell(record.get(key)) for _, key in told.values()] for record in known)
    return write_table(output_dir / "group_deface.tsv", columns, rows)


def _own_columns(records: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """Return a column for each feature that only some weights know."""
    own = [name for name in feature_names(records) if name not in [*ALL_FEATURES]]
    return {OWN + name: (STATUS.format(name.capitalize()), OWN + name) for name in own}


def _statuses(record: dict[str, Any]) -> dict[str, str]:
    """Return the status of each feature by column."""
    known = feature_statuses(record).items()
    return {name if name in [*ALL_FEATURES] else OWN + name: status for name, status in known}


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "n/a"
    if isinstance(value, dict):
        return json.dumps(value)
    return "; ".join(value) if isinstance(value, list) else str(value)
