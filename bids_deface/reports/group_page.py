"""The page of all images: ``group_deface.html``."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from bids_deface.anatomy import ALL_FEATURES
from bids_deface.containers.files import write_whole
from bids_deface.reports.group_rows import DISTRIBUTIONS, Row, group_rows
from bids_deface.reports.outliers import LEAST_VALUES, LIMIT
from bids_deface.reports.pages import json_block, render
from bids_deface.reports.records import feature_names, read_records
from bids_deface.reports.thumbnails import drop_thumbnails, list_thumbnails, make_thumbnails

PAGE = "group_deface.html"
#: Columns of the identity table that the page shows as one: share, interval, chance.
RATES = {"rank_1": "Own head came first", "top_5": "Among the first 5"}
#: The page is written again where records came in meanwhile, but not for ever.
ATTEMPTS = 3


def write_group_page(output_dir: Path) -> Path:
    """Write the page from the records and pictures that are there; return its path.

    Several runs may do so at once: whoever writes last has seen all records.
    """
    path = output_dir / PAGE
    for _ in range(ATTEMPTS):
        stamps = _stamps(output_dir)
        records = drop_stale_thumbnails(output_dir)
        thumbnails = make_thumbnails(output_dir, records)
        rows = group_rows(records)
        pages = {page.name for page in output_dir.glob("sub-*.html")}
        _link(rows, thumbnails, pages)
        identity = read_identity(output_dir / "group_identity.tsv")
        page = group_html(rows, identity, feature_names(records))
        write_whole(path, page.encode())
        if stamps == _stamps(output_dir):
            break
    return path


def drop_stale_thumbnails(output_dir: Path) -> list[dict[str, Any]]:
    """Remove thumbnails that no record allows any longer; return the records."""
    there = list_thumbnails(output_dir)
    records = read_records(output_dir)
    drop_thumbnails(output_dir, there, records)
    return records


def group_html(
    rows: Sequence[Row],
    identity: Sequence[Mapping[str, str]] = (),
    features: Sequence[str] = tuple(ALL_FEATURES),
) -> str:
    """Return the page.

    Parameters
    ----------
    rows
        See :func:`bids_deface.reports.group_rows.group_rows`, with ``link`` and ``thumbnail``
        relative to the page ("" for none).
    identity
        Rows of the identity table.
    features
        Names of the features whose statuses the rows hold.
    """
    return render(
        "group.html",
        "group.css",
        ["group.js"],
        data=json_block(_compact(rows, features)),
        identity=identity,
        rates=RATES,
        limit=LIMIT,
        least_values=LEAST_VALUES,
    )


def read_identity(path: Path) -> list[dict[str, str]]:
    """Return the rows of the identity table with rates in words; none where there is no table."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            return [_rates_in_words(row) for row in csv.DictReader(file, delimiter="\t")]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _rates_in_words(row: dict[str, str]) -> dict[str, str]:
    out = {name: row[name] for name in ("probe", "attacker", "area", "heads")}
    for rate in RATES:
        share, low, high, chance = (
            f"{100 * float(row[rate + end]):.0f}" for end in ("", "_low", "_high", "_chance")
        )
        out[rate] = f"{share} % ({low} to {high})"
        out[f"{rate}_chance"] = f"{chance} %"
    return out


def _link(rows: Sequence[Row], thumbnails: Mapping[str, str], pages: set[str]) -> None:
    """Make links and thumbnails addresses relative to the page, "" where nothing is there."""
    for row in rows:
        page, _, anchor = row["link"].partition("#")
        row["link"] = f"{_address(page)}#{anchor}" if page in pages else ""
        row["thumbnail"] = _address(thumbnails.get(row["source"], ""))


def _address(name: str) -> str:
    # Names come from a file system: they may hold what is not UTF-8.
    return quote(name, errors="surrogateescape")


def _compact(rows: Sequence[Row], features: Sequence[str]) -> dict[str, Any]:
    """Return rows as lists, each name said once: half the size."""
    fields = list(rows[0]) if rows else []
    return {
        "features": list(features),
        "distributions": DISTRIBUTIONS,
        "fields": fields,
        "rows": [[row[name] for name in fields] for row in rows],
    }


def _stamps(output_dir: Path) -> frozenset[tuple[str, int]]:
    """Return which records there are and when they were written."""
    stamps = set()
    for path in (output_dir / "logs" / "images").glob("*.json"):
        try:
            stamps.add((path.name, path.stat().st_mtime_ns))
        except FileNotFoundError:
            continue
    return frozenset(stamps)
