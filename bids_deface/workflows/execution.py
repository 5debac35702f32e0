"""Run a workflow: settings of nipype, crash files, progress."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nipype import config
from nipype.pipeline.engine import Workflow

from bids_deface.workflows.crashes import OnEnd
from bids_deface.workflows.plugins import is_batch, make_plugin

LOGGER = logging.getLogger(__name__)

#: Seconds between two looks at what runs; a cluster's queue is asked less often.
POLL_S, BATCH_POLL_S = 0.1, 5
#: Seconds a result may take to be seen: on one machine, through a network's file system.
LATE_S, BATCH_LATE_S = 5, 60


@dataclass(frozen=True)
class Execution:
    """How a workflow runs.

    Attributes
    ----------
    plugin
        Name of the nipype plugin.
    plugin_args
        Its arguments.
    crash_dir
        Folder of crash files (text: no pickled arrays).
    stop_on_first_crash
        Whether other images still run after a crash.
    """

    plugin: str
    crash_dir: Path
    plugin_args: dict[str, Any] = field(default_factory=dict)
    stop_on_first_crash: bool = False


def configure(execution: Execution) -> None:
    """Set nipype up; must come before a workflow is built, which copies the settings."""
    execution.crash_dir.mkdir(parents=True, exist_ok=True)
    batch = is_batch(execution.plugin)
    settings = {
        "crashdump_dir": str(execution.crash_dir),
        "crashfile_format": "txt",
        "stop_on_first_crash": str(execution.stop_on_first_crash).lower(),
        "check_version": "false",
        # Reports of each node, which nobody reads, would double the number of files.
        "create_report": "false",
        "poll_sleep_duration": str(BATCH_POLL_S if batch else POLL_S),
        "job_finished_timeout": str(BATCH_LATE_S if batch else LATE_S),
    }
    config.update_config({"execution": settings})


def run_workflow(workflow: Workflow, execution: Execution, on_end: OnEnd) -> bool:
    """Run a workflow to its end.

    Parameters
    ----------
    workflow
        The graph, built after :func:`configure`.
    execution
        How to run it.
    on_end
        Called with the full name of each node that ends, and with what went wrong ("" for
        nothing); nodes that cannot run because of another's crash are told with its reason.

    Returns
    -------
    bool
        Whether no node crashed.

    Raises
    ------
    UsageError
        The plugin cannot be used here.
    """
    crashed: list[str] = []

    def tell(name: str, problem: str) -> None:
        if problem:
            crashed.append(name)
        on_end(name, problem)

    plugin = make_plugin(execution.plugin, execution.plugin_args, tell)
    try:
        workflow.run(plugin=plugin)
    except Exception as error:
        # nipype's own summary of crashed nodes; each was told, and has its crash file.
        if not crashed:
            raise
        LOGGER.info("nipype: %s", error)
    return not crashed
