"""Run a workflow: plugin, crash files, progress."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nipype import config
from nipype.pipeline import plugins
from nipype.pipeline.engine import Workflow

from bids_deface.errors import UsageError
from bids_deface.workflows.multiproc import SteadyMultiProcPlugin

LOGGER = logging.getLogger(__name__)


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


def choose_plugin(
    threads: int, mem_gb: float, plugin_file: Path | None, plugin_name: str | None, args_json: str
) -> tuple[str, dict[str, Any]]:
    """Return nipype plugin and arguments: the user's, else MultiProc, else Linear for one thread.

    Parameters
    ----------
    threads
        CPU threads of the whole run: images at once times threads of one image.
    mem_gb
        Upper bound of memory.
    plugin_file, plugin_name, args_json
        What the user asked for.

    Raises
    ------
    UsageError
        The plugin is unknown, or its file or arguments are no JSON object.
    """
    try:
        name, extra = plugin_name, dict(json.loads(args_json))
        if plugin_file is not None:
            content = json.loads(plugin_file.read_text(encoding="utf-8"))
            name, extra = str(content["plugin"]), dict(content.get("plugin_args", {}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"The nipype plugin settings cannot be read ({error!r}).") from error
    if name is not None and not hasattr(plugins, f"{name}Plugin"):
        raise UsageError(f"nipype has no plugin {name!r}.", "For example MultiProc or SLURM.")
    if name is None:
        name = "MultiProc" if threads > 1 else "Linear"
    if name != "MultiProc":
        return name, extra
    # forkserver: a worker must not inherit the threads of the parent's libraries;
    # light nodes first: an image is stored before the next one is begun.
    defaults = {"n_procs": threads, "memory_gb": mem_gb, "mp_context": "forkserver"}
    return name, {**defaults, "raise_insufficient": False, "scheduler": "mem_thread", **extra}


def configure(execution: Execution) -> None:
    """Set nipype up; must come before a workflow is built, which copies the settings."""
    execution.crash_dir.mkdir(parents=True, exist_ok=True)
    settings = {
        "crashdump_dir": str(execution.crash_dir),
        "crashfile_format": "txt",
        "stop_on_first_crash": str(execution.stop_on_first_crash).lower(),
        "check_version": "false",
        "poll_sleep_duration": "0.1",
    }
    config.update_config({"execution": settings})


def run_workflow(workflow: Workflow, execution: Execution, on_end: Callable[[str], None]) -> bool:
    """Run a workflow to its end.

    Parameters
    ----------
    workflow
        The graph, built after :func:`configure`.
    execution
        How to run it.
    on_end
        Called with the full name of each node that ends.

    Returns
    -------
    bool
        Whether no node crashed.
    """

    def status(node: Any, event: str) -> None:
        if event in ("end", "exception"):
            on_end(str(node.fullname))

    plugin_args = {**execution.plugin_args, "status_callback": status}
    plugin: str | SteadyMultiProcPlugin = execution.plugin
    if plugin == "MultiProc":
        plugin = SteadyMultiProcPlugin(plugin_args)
    try:
        workflow.run(plugin=plugin, plugin_args=plugin_args)
    except RuntimeError as error:
        # nipype's own summary of crashed nodes; each has its crash file.
        LOGGER.info("nipype: %s", error)
        return False
    return True
