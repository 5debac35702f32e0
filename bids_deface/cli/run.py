"""What ``bids-deface`` does once the command line is understood."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from bids_deface import __version__
from bids_deface.cli.identity import group_identity
from bids_deface.cli.progress import Progress
from bids_deface.dataset.derivatives import (
    check_output_dir,
    make_output_dir,
    remove_old,
    write_text,
)
from bids_deface.dataset.filters import Filters, read_filter_file
from bids_deface.dataset.layout import left_out, open_layout
from bids_deface.dataset.names import PRIVATE
from bids_deface.dataset.plan import Plan, make_plan
from bids_deface.dataset.query import find_images
from bids_deface.dataset.release import read_accepted, release
from bids_deface.dataset.root_files import write_root_files
from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.errors import DeviceError, NoInputError, OutputError, UsageError
from bids_deface.reports.citation import bibliography, citation_text
from bids_deface.reports.group import write_group_table
from bids_deface.reports.group_page import drop_stale_thumbnails, write_group_page
from bids_deface.reports.records import by_subject, read_records
from bids_deface.reports.subject import write_private_page, write_subject_page
from bids_deface.settings import DefaceSettings

if TYPE_CHECKING:
    from bids_deface.workflows.subject import RunSettings

#: Memory one image may need at its peak, GiB.
IMAGE_GB = 2.0


def run(args: argparse.Namespace) -> int:
    """Run the analysis level that was asked for; return the exit code."""
    # Nodes run in folders of their own: relative paths would lead elsewhere there.
    args.bids_dir, args.output_dir = args.bids_dir.absolute(), args.output_dir.absolute()
    args.work_dir = args.work_dir.absolute() if args.work_dir else None
    _check(args)
    if args.analysis_level == "group":
        return _group(args)
    settings = DefaceSettings.of(
        args.features, args.protocol, args.random_seed, args.level, args.on_doubt
    )
    weights = (args.model or DEFAULT_WEIGHTS).resolve()
    sha256 = verify(weights)
    _require_device(args.device)
    check_output_dir(args.bids_dir, args.output_dir)
    if not args.dry_run:
        make_output_dir(args.output_dir)
    if args.boilerplate_only:
        _write_citation(args.output_dir, settings)
        return 0
    accepted = read_accepted(args.accept) if args.accept else frozenset()
    plan = _plan(args, settings, sha256)
    if args.dry_run:
        sys.stdout.write(f"{plan}\n")
        return 0
    if not args.reports_only:
        write_root_files(args.bids_dir, args.output_dir)
        _write_log(args, settings, sha256)
        for source in release(plan, accepted):
            sys.stdout.write(f"{source}: released, for a person has looked at it\n")
        if plan.todo:
            _execute(args, plan, settings, weights)
    _write_citation(args.output_dir, settings)
    return _conclude(args.output_dir, plan)


def _check(args: argparse.Namespace) -> None:
    """Raise where options speak against each other."""
    others = ("dry_run", "reports_only", "boilerplate_only")
    with_others = args.analysis_level == "group" or any(getattr(args, name) for name in others)
    if args.accept and with_others:
        raise UsageError(
            "--accept releases images, which only a whole participant run does.",
            "Leave out --dry-run, --reports-only and --boilerplate-only, or --accept.",
        )


def _plan(args: argparse.Namespace, settings: DefaceSettings, sha256: str) -> Plan:
    filters = Filters(
        participants=args.participant_label,
        sessions=args.session_label,
        suffixes=tuple(args.modalities),
        include=tuple(args.include),
        queries=read_filter_file(args.bids_filter_file) if args.bids_filter_file else (),
    )
    layout = open_layout(
        args.bids_dir, validate=not args.skip_bids_validation, database=args.bids_database_dir
    )
    _warn_of(left_out(layout, filters.datatypes, filters.suffixes))
    records = find_images(layout, filters)
    relevant = {
        "features": [f.value for f in settings.features],
        "protocol": settings.protocol,
        "level": settings.level.value,
        "on_doubt": settings.on_doubt.value,
        "keep_extensions": args.keep_extensions,
        "weights": sha256,
        "version": __version__,
    }
    return make_plan(args.bids_dir, args.output_dir, records, relevant, force=args.force)


def _warn_of(names: list[str]) -> None:
    """Tell of images that nobody will look at: they may show a face."""
    if names:
        shown = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
        sys.stderr.write(f"Left out, for BIDS knows no such names ({len(names)}): {shown}\n")


def _execute(
    args: argparse.Namespace, plan: Plan, settings: DefaceSettings, weights: Path
) -> None:
    """Run the nipype workflow over everything that is to be done."""
    temporary = args.work_dir is None
    work_dir = Path(tempfile.mkdtemp(prefix="bids-deface-") if temporary else args.work_dir)
    name = f"bids_deface_{__version__.replace('.', '_')}_wf"
    own = [work_dir / name / f"sub_{subject}_wf" for subject in plan.subjects]
    try:
        _prepare_work_dir(work_dir, args)
        # nipype reads its settings when it is imported.
        from bids_deface.workflows.subject import RunSettings

        run_settings = RunSettings(
            settings, str(weights), args.device, args.omp_nthreads, args.keep_extensions
        )
        _run_plan(args, plan, run_settings, work_dir, name)
    finally:
        # Other runs may share the folder: only what this one made goes.
        for folder in own if temporary or args.clean_workdir else []:
            shutil.rmtree(folder, ignore_errors=True)
        if temporary:
            shutil.rmtree(work_dir, ignore_errors=True)


def _run_plan(
    args: argparse.Namespace, plan: Plan, settings: RunSettings, work_dir: Path, name: str
) -> None:
    from bids_deface.workflows.base import init_bids_deface_wf
    from bids_deface.workflows.execution import Execution, choose_plugin, configure, run_workflow

    memory = args.mem_gb or _total_memory_gb() * 0.9
    nprocs = args.nprocs or max(1, min(_cores() // args.omp_nthreads, int(memory / IMAGE_GB)))
    threads = nprocs * args.omp_nthreads if nprocs > 1 else 1
    plugin, plugin_args = choose_plugin(
        threads, memory, args.use_plugin, args.nipype_plugin, args.nipype_plugin_args
    )
    crash_dir = args.output_dir.resolve() / PRIVATE / "logs"
    execution = Execution(plugin, crash_dir, plugin_args, args.stop_on_first_crash)
    configure(execution)
    workflow = init_bids_deface_wf(plan=plan, settings=settings, work_dir=work_dir, name=name)
    for image in plan.todo:
        # What an earlier run left must not be taken for the result of this one.
        remove_old(image.names)
        if args.force:
            shutil.rmtree(work_dir / name / f"sub_{image.record.subject}_wf", ignore_errors=True)
    # If this run is killed, nothing is left of what it was to replace.
    drop_stale_thumbnails(args.output_dir)
    with Progress(plan) as progress:
        run_workflow(workflow, execution, progress.node_ended)


def _conclude(output_dir: Path, plan: Plan) -> int:
    """Write the pages of the plan's subjects, say where to look, return the exit code."""
    records = {r["Source"]: r for r in read_records(output_dir)}
    subjects = by_subject(records.values())
    for subject in plan.subjects:
        own = subjects.get(subject, [])
        write_subject_page(output_dir, subject, own)
        write_private_page(output_dir, subject, own)
    page = write_group_page(output_dir)
    lost = [i.record.relative for i in plan.images if i.record.relative not in records]
    for source in lost:
        where = output_dir / PRIVATE / "logs"
        sys.stderr.write(f"{source}: no result; if it crashed, {where} holds the crash file.\n")
    verdicts = [
        records[i.record.relative]["Verdict"] for i in plan.images if i.record.relative in records
    ]
    passed = verdicts.count("PASS")
    sys.stdout.write(
        f"{passed} of {len(plan.images)} images passed, {verdicts.count('REVIEW')} await review, "
        f"{verdicts.count('FAIL') + len(lost)} failed. Reports: {page}, {output_dir}/sub-*.html\n"
    )
    return 0 if passed == len(plan.images) else 1


def _group(args: argparse.Namespace) -> int:
    records = read_records(args.output_dir)
    if not records:
        raise NoInputError(
            f"{args.output_dir} holds no results to summarise.",
            "Run the participant level first.",
        )
    path = write_group_table(args.output_dir, records)
    page = write_group_page(args.output_dir)
    sys.stdout.write(f"{len(records)} images summarised in {path} and {page}\n")
    if not args.skip_identity:
        weights = args.model or DEFAULT_WEIGHTS
        group_identity(args.bids_dir, args.output_dir, weights, args.device, args.omp_nthreads)
        write_group_page(args.output_dir)
    return 0 if all(r["Verdict"] == "PASS" for r in records) else 1


def _prepare_work_dir(work_dir: Path, args: argparse.Namespace) -> None:
    """Make the work folder; it holds originals, so it must lie in neither dataset."""
    work = work_dir.resolve()
    for folder in (args.bids_dir.resolve(), args.output_dir.resolve()):
        if folder in (work, *work.parents):
            raise OutputError(
                f"The work folder {work_dir} lies inside {folder}.",
                "Choose another -w: intermediate files show the face.",
            )
    try:
        work.mkdir(parents=True, exist_ok=True)
        _configure_nipype(work, verbose=args.verbose > 0)
    except OSError as error:
        raise OutputError(f"The work folder {work_dir} cannot be written.") from error


def _configure_nipype(work_dir: Path, *, verbose: bool) -> None:
    """Give nipype its settings through a file, the one way that worker processes see too.

    It also keeps nipype from writing into the home folder, which may be read-only.
    """
    level = "INFO" if verbose else "ERROR"
    text = (
        f"[logging]\nworkflow_level = {level}\nutils_level = {level}\ninterface_level = {level}\n"
    )
    (work_dir / "nipype.cfg").write_text(f"{text}\n[execution]\ncheck_version = false\n")
    os.environ["NIPYPE_CONFIG_DIR"] = str(work_dir)


def _require_device(device: str) -> None:
    """Check for a device other than the CPU before the run starts; the CPU needs no torch here."""
    if device == "cpu":
        return
    from bids_deface.detection.inference import device_available

    if not device_available(device):
        raise DeviceError(f"The device {device!r} is not available.")


def _write_citation(output_dir: Path, settings: DefaceSettings) -> None:
    text = citation_text(settings.level, settings.protocol, settings.descriptions)
    write_text(output_dir / "logs" / "CITATION.md", text)
    write_text(output_dir / "logs" / "CITATION.bib", bibliography())


def _write_log(args: argparse.Namespace, settings: DefaceSettings, sha256: str) -> None:
    """Write the settings of this run as TOML; no paths of this machine, no seed."""
    now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    lines = [
        f'version = "{__version__}"',
        f'weights_sha256 = "{sha256}"',
        f"features = {[f.value for f in settings.features]}",
        f'protocol = "{settings.protocol}"',
        f'level = "{settings.level}"',
        f'on_doubt = "{settings.on_doubt}"',
        f"participant_label = {list(args.participant_label)}",
        f"session_label = {list(args.session_label)}",
        f"modalities = {list(args.modalities)}",
        f"include = {list(args.include)}",
        f"keep_extensions = {str(args.keep_extensions).lower()}",
        f'device = "{args.device}"',
        f"omp_nthreads = {args.omp_nthreads}",
        f"seeded = {str(args.random_seed is not None).lower()}",
    ]
    write_text(args.output_dir / "logs" / f"run-{now}-{os.getpid()}.toml", "\n".join(lines) + "\n")


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def _total_memory_gb() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):
        return 8.0
