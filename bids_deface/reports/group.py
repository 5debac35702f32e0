"""The group table: every image as a row."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

from bids_deface.containers.files import write_whole

#: Column to its description in the data dictionary and its key in a record.
COLUMNS = {
    "source": ("Raw image, relative to the raw dataset", "Source"),
    "verdict": ("PASS, REVIEW (a human must look) or FAIL (nothing written)", "Verdict"),
    "reasons": ("Why the verdict is not PASS", "Reasons"),
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
    text = io.StringIO()
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for record in records:
        writer.writerow([_cell(record.get(key)) for _, key in COLUMNS.values()])
    path = output_dir / "group_deface.tsv"
    write_whole(path, text.getvalue().encode())
    dictionary = {name: {"Description": text} for name, (text, _) in COLUMNS.items()}
    write_whole(path.with_suffix(".json"), (json.dumps(dictionary, indent=2) + "\n").encode())
    return path


def _cell(value: Any) -> str:
    if value is None or value == []:
        return "n/a"
    if isinstance(value, dict):
        return json.dumps(value)
    return "; ".join(value) if isinstance(value, list) else str(value)
