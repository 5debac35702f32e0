"""Run ``bids-deface-dicom``: workers, results, what is told."""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from filelock import FileLock, Timeout
from tqdm import tqdm

from bids_deface.cli import dicom_worker
from bids_deface.cli.dicom_plan import (
    Task,
    choose_folders,
    choose_options,
    describe_plan,
    find_series,
    plan_tasks,
)
from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.dicom.cleaning import Cleaner
from bids_deface.dicom.instances import hush_pydicom
from bids_deface.dicom.job import SeriesJob
from bids_deface.dicom.options import HeaderOptions
from bids_deface.dicom.outcome import LEFT_OUT, Ledger, Outcome
from bids_deface.dicom.pseudonyms import load_key, write_secret
from bids_deface.dicom.release import accept
from bids_deface.dicom.series import Collection
from bids_deface.dicom.writing import UNFINISHED, Writer
from bids_deface.errors import OutputError, WorkerError
from bids_deface.settings import DefaceSettings
from bids_deface.textfiles import table_text


def run(args: argparse.Namespace, settings: DefaceSettings) -> int:
    """Deface all series of a folder; return the exit code.

    Raises
    ------
    DefaceError
        The folders or options are not right; nothing was written.
    """
    hush_pydicom()
    ledger = choose_folders(args)
    options = choose_options(args)
    weights = verify(args.model or DEFAULT_WEIGHTS)
    collection = find_series(args.in_dir)
    if args.dry_run:
        sys.stdout.writelines(f"{line}\n" for line in describe_plan(collection, args))
        return 0
    ledger.open()
    try:
        # Two runs over one output would delete each other's files.
        with FileLock(ledger.private / "lock", timeout=0):
            return _run_locked(args, settings, ledger, options, weights, collection)
    except Timeout as error:
        raise OutputError(
            f"Another run writes into {ledger.out}.", "Wait for its end, or choose another OUT."
        ) from error


def _run_locked(
    args: argparse.Namespace,
    settings: DefaceSettings,
    ledger: Ledger,
    options: HeaderOptions,
    weights: str,
    collection: Collection,
) -> int:
    for folder in (ledger.out, ledger.review):
        for draft in folder.glob(f"*/*/{UNFINISHED}*"):
            shutil.rmtree(draft)
    names = load_key(args.key or ledger.private / "key")
    writer = Writer(Cleaner(options, names), args.keep_transfer_syntax)
    job = SeriesJob(settings, writer, ledger.out, ledger.review, args.include_other)
    tasks = plan_tasks(collection, args, job, ledger, weights)
    outcomes = {task.uid: task.done for task in tasks if task.done is not None}
    if args.accept is not None:
        outcomes |= _release(args.accept, tasks, ledger)
    todo = [task for task in tasks if task.done is None]
    for task in todo:
        # What an earlier run wrote under other settings must not be taken for this one's.
        ledger.forget(writer.place_of(task.series))
    for task, found in _done_one_by_one(todo, job, args, ledger):
        outcomes[task.uid] = found.stamped(task.fingerprint)
        ledger.note(outcomes[task.uid], task.fingerprint, task.source)
    ledger.write_table(outcomes, {task.uid: task.source for task in tasks})
    if args.mapping is not None:
        _write_mapping(args.mapping, writer, tasks)
    return _summary(collection, outcomes, len(todo), ledger)


def _release(table: Path, tasks: Sequence[Task], ledger: Ledger) -> dict[str, Outcome]:
    """Release what was accepted, and keep that in mind."""
    released = accept(table, ledger, [task.done for task in tasks])
    out = {}
    for task in tasks:
        if task.done is not None and task.done.place in released:
            out[task.uid] = released[task.done.place]
            ledger.note(out[task.uid], task.fingerprint, task.source)
    return out


def _done_one_by_one(
    todo: Sequence[Task], job: SeriesJob, args: argparse.Namespace, ledger: Ledger
) -> Iterator[tuple[Task, Outcome]]:
    """Yield each series as it is done; a line for each, a bar on a terminal."""
    how = dicom_worker.How(
        job, args.model or DEFAULT_WEIGHTS, args.device, args.omp_nthreads, ledger.figures
    )
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
        if todo:
            dicom_worker.start(how)
        for task in todo:
            yield task, dicom_worker.work(task.series, task.lenders)
        return
    # A fresh interpreter: torch's threads do not survive a fork.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(nprocs, len(todo)), context, dicom_worker.start, (how,)) as pool:
        tasks = {pool.submit(dicom_worker.work, task.series, task.lenders): task for task in todo}
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
    cells = ((*key, value) for key, value in rows.items())
    write_secret(path, table_text(("kind", "original", "replacement"), cells))


def _summary(
    collection: Collection, outcomes: Mapping[str, Outcome], n_done: int, ledger: Ledger
) -> int:
    """Tell what became of all; return the exit code."""
    counts = Counter(one.verdict for one in outcomes.values())
    told = ", ".join(f"{n} {verdict}" for verdict, n in sorted(counts.items()))
    sys.stdout.write(
        f"{len(outcomes)} series: {told} ({n_done} done now); results.tsv and pictures of faces "
        f"are in {ledger.private}: do not share that folder\n"
    )
    if counts[LEFT_OUT]:
        sys.stdout.write(
            "What was left out is no scan of a volume; --include-other copies it, its pixels as "
            "they are.\n"
        )
    for foreign in collection.foreign:
        sys.stderr.write(f"not copied: {foreign.path}: {foreign.reason}\n")
    is_broken = any(foreign.is_broken for foreign in collection.foreign)
    return 1 if is_broken or not all(one.is_fine for one in outcomes.values()) else 0
