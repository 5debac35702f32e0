"""Run ``bids-deface-dicom``: folders, plan, workers, results."""

from __future__ import annotations

import argparse
import csv
import io
import multiprocessing
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from bids_deface import __version__
from bids_deface.cli import dicom_worker
from bids_deface.containers.files import write_whole
from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.instances import hush_pydicom
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.options import Dates, HeaderOptions, Profile
from bids_deface.dicom.outcome import LEFT_OUT, Ledger, Outcome
from bids_deface.dicom.private_tags import read_private_rules
from bids_deface.dicom.pseudonyms import load_key
from bids_deface.dicom.release import accept
from bids_deface.dicom.series import Collection, Series, collect
from bids_deface.dicom.writing import Writer
from bids_deface.errors import OutputError, UsageError, WorkerError
from bids_deface.settings import DefaceSettings


@dataclass(frozen=True)
class Task:
    """One series, and what tells whether it was done before."""

    series: Series
    source: str
    fingerprint: str
    done: Outcome | None


def run(args: argparse.Namespace, settings: DefaceSettings) -> int:
    """Deface all series of a folder; return the exit code.

    Raises
    ------
    DefaceError
        The folders or options are not right; nothing was written.
    """
    hush_pydicom()
    ledger = _folders(args)
    options = _options(args)
    weights = verify(args.model or DEFAULT_WEIGHTS)
    collection = collect(args.in_dir)
    if args.dry_run:
        return _print_plan(collection, args)
    names = load_key(args.key or ledger.private / "key")
    writer = Writer(Cleaner(options, names), args.keep_transfer_syntax)
    job = SeriesJob(settings, writer, ledger.out, ledger.review, args.include_other)
    tasks = [_task(one, args, job, ledger, weights) for one in collection.series]
    released = accept(args.accept, ledger, [t.done for t in tasks]) if args.accept else {}
    todo = [task for task in tasks if task.done is None]
    outcomes = {
        task.series.first.series_uid: released.get(task.done.place, task.done)
        for task in tasks
        if task.done is not None
    }
    for place, outcome in released.items():
        found = next(task for task in tasks if task.done and task.done.place == place)
        ledger.note(outcome, found.fingerprint, found.source)
    for task, outcome in _done_one_by_one(todo, job, args):
        ledger.note(outcome, task.fingerprint, task.source)
        outcomes[task.series.first.series_uid] = outcome
    ledger.write_table(outcomes, {t.series.first.series_uid: t.source for t in tasks})
    if args.mapping is not None:
        _write_mapping(args.mapping, writer, tasks)
    return _summary(collection, outcomes, len(todo), ledger)


def _folders(args: argparse.Namespace) -> Ledger:
    """Return where things go; raise where a folder lies in one it must not lie in."""
    out = args.out_dir
    private = args.private_dir or out.with_name(f"{out.name}-private")
    places = {"IN": args.in_dir, "OUT": out, "the private folder": private}
    for name, place in places.items():
        for other, within in places.items():
            if name != other and place.resolve().is_relative_to(within.resolve()):
                raise OutputError(f"{name} ({place}) lies in {other} ({within}).")
    for flag in ("key", "mapping"):
        path = getattr(args, flag)
        inside = [
            n for n in ("IN", "OUT") if path and path.resolve().is_relative_to(places[n].resolve())
        ]
        if inside:
            raise OutputError(f"--{flag} {path} lies in {inside[0]}.", "Keep it in a safe place.")
    is_strange = out.exists() and (not out.is_dir() or any(out.iterdir()))
    if is_strange and not private.is_dir():
        raise OutputError(f"{out} is not empty, and not of an earlier run.")
    return Ledger(private, out)


def _options(args: argparse.Namespace) -> HeaderOptions:
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


def _task(
    series: Series, args: argparse.Namespace, job: SeriesJob, ledger: Ledger, weights: str
) -> Task:
    folders = sorted({one.path.parent.relative_to(args.in_dir) for one in series.instances})
    files = [
        (
            str(one.path.relative_to(args.in_dir)),
            (stat := one.path.stat()).st_size,
            stat.st_mtime_ns,
        )
        for one in series.instances
    ]
    fingerprint = job.writer.cleaner.pseudonyms.fingerprint(
        __version__, weights, job.settings, job.writer.cleaner.options, job.writer.keep_syntax,
        job.include_other, files,
    )  # fmt: skip
    done = None if args.force else ledger.done(job.writer.place_of(series), fingerprint)
    return Task(series, str(folders[0]), fingerprint, done)


def _done_one_by_one(
    todo: Sequence[Task], job: SeriesJob, args: argparse.Namespace
) -> Iterator[tuple[Task, Outcome]]:
    """Yield each series as it is done; a line for each, a bar on a terminal."""
    how = dicom_worker.How(
        job, args.model or DEFAULT_WEIGHTS, args.device, args.omp_nthreads,
        job.review.parent / "figures",
    )  # fmt: skip
    bar = tqdm(total=len(todo), unit="series", disable=not sys.stderr.isatty(), file=sys.stderr)
    with bar:
        for number, (task, outcome) in enumerate(_worked(todo, how, args.nprocs), 1):
            tqdm.write(f"[{number}/{len(todo)}] {outcome.line}", file=sys.stdout)
            sys.stdout.flush()
            bar.update()
            yield task, outcome


def _worked(
    todo: Sequence[Task], how: dicom_worker.How, nprocs: int
) -> Iterator[tuple[Task, Outcome]]:
    if nprocs == 1 or len(todo) < 2:
        dicom_worker.start(how)
        for task in todo:
            yield task, dicom_worker.work(task.series)
        return
    # A fresh interpreter: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(nprocs, len(todo)), context, dicom_worker.start, (how,)) as pool:
        tasks = {pool.submit(dicom_worker.work, task.series): task for task in todo}
        try:
            for future in as_completed(tasks):
                yield tasks[future], future.result()
        except BrokenProcessPool as error:
            raise WorkerError("A worker was killed, as happens when memory runs out.") from error


def _write_mapping(path: Path, writer: Writer, tasks: Sequence[Task]) -> None:
    """Write which originals became what; only its owner may read it."""
    names = writer.cleaner.pseudonyms
    rows = {}
    for task in tasks:
        first = task.series.first
        rows["patient", first.patient[0]] = names.patient(*first.patient[:2])
        rows["study", first.study_uid] = names.uid(first.study_uid)
        rows["series", first.series_uid] = names.uid(first.series_uid)
    text = io.StringIO()
    table = csv.writer(text, delimiter="\t", lineterminator="\n")
    table.writerow(("kind", "original", "replacement"))
    table.writerows((*key, value) for key, value in rows.items())
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, text.getvalue().encode())
    path.chmod(0o600)


def _print_plan(collection: Collection, args: argparse.Namespace) -> int:
    """Print what would be done with each series."""
    for series in collection.series:
        what = "deface"
        if series.other:
            what = f"{'copy' if args.include_other else 'leave out'} ({series.other})"
        first = series.first
        folder = first.path.parent.relative_to(args.in_dir)
        sys.stdout.write(
            f"{folder}, series {first.number}, {len(series.instances)} files: {what}\n"
        )
    for foreign in collection.foreign:
        sys.stdout.write(
            f"{foreign.path.relative_to(args.in_dir)}: not copied, {foreign.reason}\n"
        )
    return 0


def _summary(
    collection: Collection, outcomes: dict[str, Outcome], n_done: int, ledger: Ledger
) -> int:
    """Tell what became of all; return the exit code."""
    counts: dict[str, int] = {}
    for one in outcomes.values():
        counts[one.verdict] = counts.get(one.verdict, 0) + 1
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    sys.stdout.write(
        f"{len(outcomes)} series: {told} ({n_done} done now); results.tsv and pictures of faces "
        f"are in {ledger.private}: do not share that folder\n"
    )
    if counts.get(LEFT_OUT):
        sys.stdout.write("What was left out shows no head; --include-other copies it.\n")
    for foreign in collection.foreign:
        sys.stderr.write(f"not copied: {foreign.path}: {foreign.reason}\n")
    is_broken = any(foreign.is_broken for foreign in collection.foreign)
    return 1 if is_broken or not all(one.is_fine for one in outcomes.values()) else 0
