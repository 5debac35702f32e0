"""nipype's SLURM plugin: what a node needs is asked for, and jobs that are killed are told."""

from __future__ import annotations

import logging
import math
import os
import re
import shlex
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

from nipype.pipeline.plugins.slurm import SLURMPlugin

from bids_deface.workflows.crashes import ToldCrashes
from bids_deface.workflows.deface import LIGHT_GB

LOGGER = logging.getLogger(__name__)

#: Options of sbatch with which a user says what our own would.
ASKS_MEMORY = re.compile(r"--mem\b|--mem-per-")
ASKS_GPU = re.compile(r"--gres\b|--gpus\b|--gpus-per-|-G\b")
#: States of a job that may still bring a result.
ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING", "SUSPENDED", "REQUEUED", "RESIZING")
KILLED = (
    "SLURM job {job} ended without a result ({state}). If it ran out of memory or time, ask for "
    "more with --nipype-plugin-args (sbatch_args), then run the same command again.\n"
)


class SteadySLURMPlugin(ToldCrashes, SLURMPlugin):  # type: ignore[misc]
    """Submits each node that computes as a job of its own.

    nipype's own plugin stops with a KeyError where LOGNAME is unset and with a TypeError where a
    job is killed, takes an old result for that of a job that never ran, asks for no resources,
    and leaves its jobs in the queue when it is interrupted.
    """

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Run a graph; when interrupted, cancel what is in the queue."""
        # No queue for what only copies.
        for node in graph.nodes():
            node.run_without_submitting |= node.mem_gb <= LIGHT_GB
        try:
            super().run(graph, config, updatehash)
        except BaseException:
            jobs = [str(job) for job in self._pending]
            if jobs:
                with suppress(OSError):
                    _ask("scancel", *jobs)
            raise

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        for old in Path(node.output_dir()).glob("result_*.pklz"):
            old.unlink()
        return int(super()._submit_job(node, updatehash))

    def _submit_batchtask(self, scriptfile: str, node: Any) -> int:
        os.environ.setdefault("LOGNAME", "bids-deface")
        told = shlex.quote(f"{scriptfile}.out")
        asked = f"-o {told} -e {told} {needs_of(node, self._sbatch_args or '')}"
        node.plugin_args = {"sbatch_args": asked, "overwrite": True}
        return int(super()._submit_batchtask(scriptfile, node))

    def _is_pending(self, taskid: int) -> bool:
        try:
            return bool(super()._is_pending(taskid))
        except RuntimeError:
            # The controller does not answer just now; the job may well go on.
            LOGGER.warning("squeue failed for job %d; asking again", taskid)
            return True

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        if taskid in self._pending and not self._is_pending(taskid):
            state = _state(taskid)
            if state in ALIVE:
                return None
            made = any(Path(self._pending[taskid]).glob("result_*.pklz"))
            # A file system may show a result late: only a job that did not end well has none.
            if state not in ("", "COMPLETED") and not made:
                text = KILLED.format(job=taskid, state=state)
                return {"result": None, "traceback": [text], "hostname": ""}
        result: dict[str, Any] | None = super()._get_result(taskid)
        return result


def needs_of(node: Any, user_args: str) -> str:
    """Return options of sbatch: what a node needs, unless the user says it.

    Parameters
    ----------
    node
        A nipype node, with its threads and memory.
    user_args
        The user's own options; they come last, and so prevail.
    """
    asked = [f"--cpus-per-task={node.n_procs}"]
    if not ASKS_MEMORY.search(user_args):
        asked.append(f"--mem={math.ceil(node.mem_gb * 1024)}M")
    if node.is_gpu_node() and not ASKS_GPU.search(user_args):
        asked.append("--gres=gpu:1")
    return " ".join([*asked, user_args]).strip()


def _state(job: int) -> str:
    """Return how a job ended, in SLURM's words; "" where SLURM has forgotten it."""
    found = re.search(r"JobState=(\w+)", _ask("scontrol", "-o", "show", "job", str(job)).stdout)
    return found[1] if found else ""


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
