"""Run the workflow of a plan: work folder, plugin, progress."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from bids_deface import __version__
from bids_deface.cli.progress import Progress
from bids_deface.dataset.derivatives import remove_old
from bids_deface.dataset.plan import Plan
from bids_deface.errors import OutputError
from bids_deface.kinds import PRIVATE
from bids_deface.reports.group_page import drop_stale_thumbnails
from bids_deface.reports.subject import drop_pages
from bids_deface.settings import DefaceSettings

if TYPE_CHECKING:
    from bids_deface.workflows.subject import RunSettings

#: Memory one image may need at its peak, GiB.
IMAGE_GB = 2.0


def execute(
    args: argparse.Namespace, plan: Plan, settings: DefaceSettings, weights: Path, log: Path
) -> None:
    """Run the nipype workflow over everything that is to be done.

    Parameters
    ----------
    args
        Of the command line.
    plan
        What is to be done.
    settings
        What is to be hidden, and how.
    weights
        Of the detector.
    log
        File to which the line of each image goes, too.

    Raises
    ------
    OutputError
        The work folder cannot be used.
    """
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
        _run_plan(args, plan, run_settings, work_dir / name, log)
    finally:
        # Other runs may share the folder: only what this one made goes.
        for folder in own if temporary or args.clean_workdir else []:
            shutil.rmtree(folder, ignore_errors=True)
        if temporary:
            shutil.rmtree(work_dir, ignore_errors=True)


def _run_plan(
    args: argparse.Namespace, plan: Plan, settings: RunSettings, base: Path, log: Path
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
    workflow = init_bids_deface_wf(
        plan=plan, settings=settings, work_dir=base.parent, name=base.name
    )
    for image in plan.todo:
        # What an earlier run left must not be taken for the result of this one.
        remove_old(image.names)
        if args.force:
            shutil.rmtree(base / f"sub_{image.record.subject}_wf", ignore_errors=True)
    # If this run is killed, nothing is left of what it was to replace.
    drop_stale_thumbnails(args.output_dir)
    for subject in {image.record.subject for image in plan.todo}:
        drop_pages(args.output_dir, subject)
    with Progress(plan, log) as progress:
        run_workflow(workflow, execution, progress.node_ended)


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


def _cores() -> int:
    return (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )


def _total_memory_gb() -> float:
    try:
        return float(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)
    except (AttributeError, ValueError, OSError):
        return 8.0
