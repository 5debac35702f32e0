"""What ``bids-deface-dicom`` is to do: folders, options, series, and what was done before."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from bids_deface import __version__
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.options import Dates, HeaderOptions, Profile
from bids_deface.dicom.outcome import Ledger, Outcome
from bids_deface.dicom.private_tags import read_private_rules
from bids_deface.dicom.series import Collection, Series, collect
from bids_deface.dicom.study import lenders_of
from bids_deface.errors import OutputError, UsageError


@dataclass(frozen=True)
class Task:
    """One series, others of its study, and what tells whether it was done before."""

    series: Series
    lenders: tuple[Series, ...]
    source: str
    fingerprint: str
    done: Outcome | None

    @property
    def uid(self) -> str:
        """Of the series."""
        return self.series.first.series_uid


def choose_folders(args: argparse.Namespace) -> Ledger:
    """Return where things go.

    Raises
    ------
    OutputError
        A folder or file lies where it must not lie, or OUT holds something else.
    """
    # The name of . is known only when it is looked up.
    out = args.out_dir if args.out_dir.name else args.out_dir.resolve()
    private = args.private_dir or out.with_name(f"{out.name}-private")
    places = {"IN": args.in_dir, "OUT": out, "the private folder": private}
    for name, place in places.items():
        for other, within in places.items():
            if name != other and _lies_in(place, within):
                raise OutputError(f"{name} ({place}) lies in {other} ({within}).")
    for flag in ("key", "mapping"):
        path = getattr(args, flag)
        inside = [name for name in ("IN", "OUT") if path and _lies_in(path, places[name])]
        if inside:
            raise OutputError(f"--{flag} {path} lies in {inside[0]}.", "Keep it in a safe place.")
    is_strange = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if is_strange and not private.is_dir():
        raise OutputError(f"{out} is not empty, and not of an earlier run.")
    return Ledger(private, out)


def _lies_in(path: Path, folder: Path) -> bool:
    return path.resolve().is_relative_to(folder.resolve())


def choose_options(args: argparse.Namespace) -> HeaderOptions:
    """Return what becomes of headers.

    Raises
    ------
    UsageError
        Options do not go together, or a list is wrong.
    NoInputError
        A list cannot be read.
    """
    options = HeaderOptions(
        profile=Profile(args.profile),
        dates=Dates(args.keep_dates),
        keep_uids=args.keep_uids,
        keep_device=args.keep_device,
        keep_institution=args.keep_institution,
        keep_patient_characteristics=args.keep_patient_characteristics,
        private=read_private_rules(args.keep_private) if args.keep_private else (),
        clean_descriptors=args.clean_descriptors,
    )
    if options.profile is not Profile.BASIC and options != HeaderOptions(options.profile):
        raise UsageError(
            f"--profile {options.profile} has no options.", "Leave out --keep-... or --profile."
        )
    return options


def find_series(folder: Path) -> Collection:
    """Sort the files of a folder into series; a bar on a terminal counts them."""
    with tqdm(unit="file", disable=not sys.stderr.isatty(), file=sys.stderr) as bar:
        return collect(folder, bar.update)


def plan_tasks(
    collection: Collection,
    args: argparse.Namespace,
    job: SeriesJob,
    ledger: Ledger,
    weights: str,
) -> list[Task]:
    """Return one task for each series."""
    stamps = {one.first.series_uid: _stamp(one, args.in_dir) for one in collection.series}

    def task(series: Series) -> Task:
        lenders = lenders_of(series, collection.series)
        fingerprint = job.writer.cleaner.pseudonyms.fingerprint(
            __version__, weights, job.settings, job.writer.cleaner.options,
            job.writer.keep_syntax, job.include_other,
            *(stamps[one.first.series_uid] for one in (series, *lenders)),
        )  # fmt: skip
        place = job.writer.place_of(series)
        done = None if args.force else ledger.done(place, fingerprint)
        return Task(series, lenders, _folder_of(series, args.in_dir), fingerprint, done)

    return [task(series) for series in collection.series]


def _stamp(series: Series, folder: Path) -> list[tuple[str, int, int]]:
    """Return what changes when a file of a series does."""
    return [
        (str(one.path.relative_to(folder)), (stat := one.path.stat()).st_size, stat.st_mtime_ns)
        for one in series.instances
    ]


def _folder_of(series: Series, folder: Path) -> str:
    return str(min(one.path.parent.relative_to(folder) for one in series.instances))


def describe_plan(collection: Collection, args: argparse.Namespace) -> Iterable[str]:
    """Yield what would be done with each series and file, one line each."""
    for series in collection.series:
        what = "deface"
        if series.other:
            what = f"{'copy' if args.include_other else 'leave out'} ({series.other})"
        folder = _folder_of(series, args.in_dir)
        number, files = series.first.number, len(series.instances)
        yield f"{folder}, series {number}, {files} files: {what}"
    for foreign in collection.foreign:
        yield f"{foreign.path.relative_to(args.in_dir)}: not copied, {foreign.reason}"
