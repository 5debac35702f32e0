"""Run the workflow of a plan: plugin, resources, progress."""

from __future__ import annotations

import argparse
from pathlib import Path

from bids_deface.cli.progress import Progress
from bids_deface.cli.resources import usable_cores, usable_memory_gb
from bids_deface.cli.work_dir import WORKFLOW, WorkFolder, work_folder
from bids_deface.dataset.derivatives import remove_old
from bids_deface.dataset.plan import Plan
from bids_deface.kinds import PRIVATE
from bids_deface.reports.group_page import drop_stale_thumbnails
from bids_deface.reports.subject import drop_pages
from bids_deface.settings import DefaceSettings

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
    UsageError
        The nipype plugin cannot be used.
    """
    with work_folder(args, plan) as folder:
        if plan.todo:
            _run_plan(args, plan, settings, weights, folder, log)


def _run_plan(
    args: argparse.Namespace,
    plan: Plan,
    settings: DefaceSettings,
    weights: Path,
    folder: WorkFolder,
    log: Path,
) -> None:
    # nipype reads its settings when it is imported.
    from bids_deface.workflows.base import init_bids_deface_wf
    from bids_deface.workflows.execution import Execution, configure, run_workflow
    from bids_deface.workflows.plugins import choose_plugin
    from bids_deface.workflows.subject import RunSettings

    memory = args.mem_gb or usable_memory_gb() * 0.9
    fitting = max(1, min(usable_cores() // args.omp_nthreads, int(memory / IMAGE_GB)))
    plugin, plugin_args = choose_plugin(
        (args.nprocs or fitting) * args.omp_nthreads,
        memory, args.use_plugin, args.nipype_plugin, args.nipype_plugin_args,
    )  # fmt: skip
    crash_dir = args.output_dir.resolve() / PRIVATE / "logs"
    execution = Execution(plugin, crash_dir, plugin_args, args.stop_on_first_crash)
    configure(execution)
    run_settings = RunSettings(
        settings, str(weights), args.device, args.omp_nthreads, args.keep_extensions
    )
    workflow = init_bids_deface_wf(
        plan=plan, settings=run_settings, work_dir=folder.path, name=WORKFLOW
    )
    for image in plan.todo:
        # What an earlier run left must not be taken for the result of this one.
        remove_old(image.names)
        if args.force:
            folder.forget(image.record.subject)
    # If this run is killed, nothing is left of what it was to replace.
    drop_stale_thumbnails(args.output_dir)
    for subject in {image.record.subject for image in plan.todo}:
        drop_pages(args.output_dir, subject)
    with Progress(plan, log, folder.image_done) as progress:
        run_workflow(workflow, execution, progress.node_ended)
