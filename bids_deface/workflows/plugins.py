"""Which nipype plugin runs a workflow."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import Any

from nipype.pipeline import plugins
from nipype.pipeline.plugins.base import (
    DistributedPluginBase,
    GraphPluginBase,
    PluginBase,
    SGELikeBatchManagerBase,
)

from bids_deface.errors import UsageError
from bids_deface.textfiles import parse_json
from bids_deface.workflows.crashes import OnEnd, ToldCrashes
from bids_deface.workflows.multiproc import SteadyMultiProcPlugin
from bids_deface.workflows.slurm import SteadySLURMPlugin

#: In place of nipype's own.
STEADY: dict[str, type[PluginBase]] = {
    "MultiProc": SteadyMultiProcPlugin,
    "SLURM": SteadySLURMPlugin,
}
SUGGESTED = "For example MultiProc or SLURM."


def choose_plugin(
    threads: int, mem_gb: float, plugin_file: Path | None, plugin_name: str | None, args_json: str
) -> tuple[str, dict[str, Any]]:
    """Return nipype plugin and arguments: the user's, or MultiProc.

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
        The plugin is unknown or does not wait for its jobs, or its file or arguments are no JSON
        object.
    """
    try:
        name, extra = plugin_name or "MultiProc", dict(parse_json(args_json))
        if plugin_file is not None:
            content = parse_json(plugin_file.read_text(encoding="utf-8"))
            name, extra = str(content["plugin"]), dict(content.get("plugin_args", {}))
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(f"The nipype plugin settings cannot be read ({error!r}).") from error
    kind = getattr(plugins, f"{name}Plugin", None)
    if kind is None or name == "Debug":
        raise UsageError(f"nipype has no plugin {name!r} that runs anything.", SUGGESTED)
    if issubclass(kind, GraphPluginBase):
        raise UsageError(
            f"nipype's plugin {name} does not wait for its jobs, so nobody could say what became "
            "of the images.",
            f"Use {name.removesuffix('Graph')}." if name.endswith("Graph") else SUGGESTED,
        )
    if name != "MultiProc":
        return name, extra
    # A worker must not inherit the threads of the parent's libraries; Windows has no forkserver.
    known = multiprocessing.get_all_start_methods()
    context = "forkserver" if "forkserver" in known else "spawn"
    # Light nodes first: an image is stored before the next one is begun.
    defaults = {"n_procs": threads, "memory_gb": mem_gb, "mp_context": context}
    return name, {**defaults, "raise_insufficient": False, "scheduler": "mem_thread", **extra}


def is_batch(name: str) -> bool:
    """Tell whether a plugin submits jobs to a cluster."""
    return issubclass(getattr(plugins, f"{name}Plugin"), SGELikeBatchManagerBase)


def make_plugin(name: str, plugin_args: dict[str, Any], on_end: OnEnd) -> PluginBase:
    """Return a plugin that tells of each node that ends.

    Parameters
    ----------
    name, plugin_args
        As :func:`choose_plugin` returns them.
    on_end
        Told of each node.

    Raises
    ------
    UsageError
        What the plugin needs is not installed, or its arguments are wrong.
    """
    kind: type[PluginBase] = getattr(plugins, f"{name}Plugin")
    tells = issubclass(kind, DistributedPluginBase)
    if name in STEADY:
        kind = STEADY[name]
    elif tells:
        kind = type(f"Told{name}Plugin", (ToldCrashes, kind), {})

    def status(node: Any, event: str) -> None:
        if event == "end":
            on_end(str(node.fullname), "")
        elif event == "exception" and not tells:
            on_end(str(node.fullname), "crashed")

    try:
        return kind(plugin_args={**plugin_args, "status_callback": status, "on_end": on_end})
    except (ImportError, TypeError, ValueError) as error:
        raise UsageError(f"nipype's plugin {name} cannot be used here ({error}).") from error
