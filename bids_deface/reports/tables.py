"""Tables for machines: tab-separated values, and a JSON data dictionary beside them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from bids_deface.containers.files import write_whole
from bids_deface.textfiles import table_text


def write_table(path: Path, columns: Mapping[str, str], rows: Iterable[Iterable[object]]) -> Path:
    """Write a table and its data dictionary (``.json`` beside it), each whole or not at all.

    Parameters
    ----------
    path
        Ends in ``.tsv``.
    columns
        Name to description, in order.
    rows
        One cell for each column.

    Returns
    -------
    Path
        Of the table.
    """
    write_whole(path, table_text(columns, rows).encode())
    dictionary = {name: {"Description": words} for name, words in columns.items()}
    write_whole(path.with_suffix(".json"), (json.dumps(dictionary, indent=2) + "\n").encode())
    return path
