"""Read the records of all images of a derivatives folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def read_records(output_dir: Path) -> list[dict[str, Any]]:
    """Return the records in ``logs/images``, sorted by source; unreadable ones are left out."""
    records = []
    for path in sorted((output_dir / "logs" / "images").glob("*.json")):
        try:
            records.append(json.loads(path.read_text(encoding="utf-8")))
        except ValueError:
            continue
    return sorted(records, key=lambda record: str(record["Source"]))
