"""Run an export: decide, look, write, audit."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from bids_deface.audit.dataset import audit_texts
from bids_deface.audit.finding import Finding, Kind, problems_among
from bids_deface.audit.images import AuditedImage
from bids_deface.audit.table import read_accepted, write_table
from bids_deface.audit.walk import made_by_us, walk_dataset
from bids_deface.cli.audit_run import Looking, look_at_images, tell
from bids_deface.containers.files import write_whole
from bids_deface.containers.names import container_of
from bids_deface.errors import NoInputError
from bids_deface.export.companions import leave_companions
from bids_deface.export.contents import write_contents
from bids_deface.export.item import Dates, ExportOptions, Fate, Item
from bids_deface.export.judging import judge_looks
from bids_deface.export.ledger import Ledger
from bids_deface.export.placing import Way, place_file
from bids_deface.export.roots import description_of
from bids_deface.export.sorting import sort_files
from bids_deface.reports.records import read_records

#: Findings that a person accepted, by file, kind and item.
Accepted = Collection[tuple[str, str, str]]


def run(args: argparse.Namespace) -> int:
    """Make the dataset to share; return the exit code.

    Raises
    ------
    DefaceError
        The folders or options are not right.
    """
    raw, derivatives, share = args.bids_dir, args.derivatives, args.share_dir.absolute()
    ledger = Ledger(share)
    tree = walk_dataset(raw)
    description_of(raw)
    if not made_by_us(derivatives):
        raise NoInputError(
            f"{derivatives} holds no derivatives of bids-deface.", "Run bids-deface first."
        )
    ledger.check(raw, derivatives)
    options = ExportOptions(args.masks, Dates(args.dates), args.code, tuple(args.trust))
    accepted: Accepted = read_accepted(args.accept) if args.accept else frozenset()
    records = {str(record["Source"]): record for record in read_records(derivatives)}
    items = sort_files(tree, derivatives, records, options)
    if args.dry_run:
        _tell_plan(write_contents(raw, derivatives, share, leave_companions(items), options))
        return 0
    ledger.open()
    looks = _look(items, ledger, Looking.of(args))
    items, looks = judge_looks(items, looks, accepted)
    items = leave_companions(items)
    items = write_contents(raw, derivatives, share, items, options)
    foreign = _write(items, ledger, copy=args.copy)
    return _conclude(items, looks, foreign, ledger, accepted)


def _look(items: Sequence[Item], ledger: Ledger, looking: Looking) -> dict[str, list[Finding]]:
    """Look at all images that may go, but for those that an earlier run saw."""
    images = [item for item in items if item.is_shared and item.is_image]
    looks = ledger.known_looks(images, looking.sha256)
    todo = [
        AuditedImage(item.source, item.file)
        for item in images
        if item.source is not None and item.file not in looks
    ]
    seen: dict[str, list[Finding]] = {}
    try:
        seen.update(look_at_images(todo, looking))
    finally:
        # Of an interrupted run, too.
        ledger.keep_looks(images, looking.sha256, seen)
    return {**looks, **seen}


def _write(items: Sequence[Item], ledger: Ledger, *, copy: bool) -> list[str]:
    """Bring all files to their places; return those in the folder that nobody here wrote."""
    shared = [item for item in items if item.is_shared]
    removed, foreign = ledger.remove_stale(item.file for item in shared)
    for file in removed:
        sys.stdout.write(f"removed, for it is no longer to be shared: {file}\n")
    ledger.will_make(item.file for item in shared)
    ways = {item.file: _place(item, ledger.share, copy=copy) for item in shared}
    ledger.write_export(
        (item, ways[item.file].value if item.file in ways else "") for item in items
    )
    _tell_written(items, ways)
    return foreign


def _place(item: Item, share: Path, *, copy: bool) -> Way:
    target = share / item.file
    if item.source is not None:
        return place_file(item.source, target, copy=copy)
    content = item.content or b""
    if not target.is_symlink() and target.is_file() and target.read_bytes() == content:
        return Way.THERE
    # Never through a hard link: a new file takes the place of the old one.
    write_whole(target, content)
    return Way.WRITTEN


def _tell_plan(items: Sequence[Item]) -> None:
    for item in sorted(items, key=lambda one: one.file):
        told = "to be looked at" if item.is_shared and item.is_image else ""
        words = "; ".join(word for word in (item.reason, told, *item.notes) if word)
        sys.stdout.write(f"{item.fate.value:<12}{item.file}{f' ({words})' if words else ''}\n")
    counts = Counter(item.fate.value for item in items)
    sys.stdout.write(", ".join(f"{n} {fate}" for fate, n in sorted(counts.items())) + "\n")


def _tell_written(items: Sequence[Item], ways: Mapping[str, Way]) -> None:
    for item in items:
        if not item.is_shared:
            sys.stdout.write(f"left out: {item.file}: {item.reason}\n")
        elif item.notes and ways[item.file] is not Way.THERE:
            sys.stdout.write(f"changed: {item.file}: {'; '.join(item.notes)}\n")
    counts = Counter(way.value for way in ways.values())
    told = ", ".join(f"{n} {way}" for way, n in sorted(counts.items()))
    n_defaced = sum(item.fate is Fate.DEFACED for item in items)
    sys.stdout.write(f"{len(ways)} files ({told}), {n_defaced} of them defaced images\n")


def _conclude(
    items: Sequence[Item],
    looks: Mapping[str, Sequence[Finding]],
    foreign: Sequence[str],
    ledger: Ledger,
    accepted: Accepted,
) -> int:
    """Audit what came of it; return the exit code."""
    shared = {item.file for item in items if item.is_shared}
    findings = audit_texts(walk_dataset(ledger.share))
    # Also of what was left out: who looks at it can accept these rows.
    every = [one for _, seen in sorted(looks.items()) for one in seen]
    write_table(ledger.audit_table, [*findings, *every])
    faces = [one for one in every if one.file in shared]
    findings += faces
    problems = problems_among(findings, accepted, strict=False)
    for file in foreign:
        sys.stdout.write(f"problem: {file}: this program did not write it, nobody judged it\n")
    tell(findings, problems, len({one.file for one in faces}))
    lost = [i for i in items if not i.is_shared and container_of(Path(i.file)) is not None]
    sys.stdout.write(
        f"{len(lost)} images left out; lists in {ledger.folder}: do not share that folder\n"
    )
    faceless = not any(one.kind is Kind.FACE for one in problems)
    if problems and faceless:
        sys.stdout.write(
            "What identifies, and was not removed, is for you to mend in the raw dataset.\n"
        )
    empty = not any(item.is_image and item.is_shared for item in items)
    return 1 if problems or foreign or empty else 0
