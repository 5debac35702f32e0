"""The log of a training run: one row for each validation."""

from __future__ import annotations

import csv
from pathlib import Path

LOG_NAME = "log.tsv"


def append_log(path: Path, row: dict[str, float]) -> None:
    """Add one row to the TSV log."""
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        if new:
            writer.writerow(row)
        writer.writerow([f"{value:.6g}" for value in row.values()])


def trim_log(path: Path, step: int) -> None:
    """Drop rows that a killed run wrote after its last checkpoint."""
    if path.exists():
        head, *rows = path.read_text(encoding="utf-8").splitlines()
        kept = [row for row in rows if float(row.split("\t")[0]) <= step]
        path.write_text("\n".join([head, *kept]) + "\n", encoding="utf-8")
