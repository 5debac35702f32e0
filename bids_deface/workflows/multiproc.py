"""nipype's MultiProc, but for workers that are killed: nipype itself waits for them forever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
import threading
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait
from multiprocessing.util import get_temp_dir
from typing import Any

from nipype.pipeline.plugins.multiproc import MultiProcPlugin, process_initializer, run_node

from bids_deface.errors import OutputError
from bids_deface.workflows.crashes import ToldCrashes

KILLED = (
    "The worker process was killed, twice, the second time with no other beside it. As a rule "
    "that means too little memory: use fewer --nprocs, or a machine with more memory.\n"
)
#: What all workers need: loaded once, shared by all. None of them starts a thread by itself.
LIBRARIES = ("bids_deface.workflows", "bids_deface.detection.detector")
#: A socket's path has at most 104 bytes (macOS), of which Python's own names take 32.
LONGEST_TEMPORARY = 104 - 32


def shorten_sockets(folders: tuple[str, ...] = ("/tmp", "/var/tmp", "/dev/shm")) -> None:  # noqa: S108
    """Give workers' sockets a folder with a short path where that of ``TMPDIR`` is too long.

    Parameters
    ----------
    folders
        Those to try; sockets hold nothing of an image.

    Raises
    ------
    OutputError
        None of them can be written.
    """
    usual = tempfile.gettempdir()
    if os.name == "nt" or len(os.fsencode(usual)) <= LONGEST_TEMPORARY:
        return
    for folder in folders:
        if os.access(folder, os.W_OK):
            # Python makes the folder when first asked, and keeps it: before 3.14 it never looks.
            tempfile.tempdir = folder
            try:
                get_temp_dir()
            finally:
                tempfile.tempdir = usual
            return
    raise OutputError(
        f"The path of the temporary folder {usual} is too long for the sockets of workers.",
        f"Set TMPDIR to a folder whose path has at most {LONGEST_TEMPORARY} bytes.",
    )


def start_worker(cwd: str) -> None:
    """Set a worker process up, so that it ends with the process that started it."""
    process_initializer(cwd)
    parent = multiprocessing.parent_process()
    if parent is not None:
        # Left alone, a worker would go on with its image beside the run that does it again.
        threading.Thread(target=_die_with, args=(parent.sentinel,), daemon=True).start()


def _die_with(sentinel: int) -> None:
    wait([sentinel])
    os.kill(os.getpid(), signal.SIGKILL)


class SteadyMultiProcPlugin(ToldCrashes, MultiProcPlugin):  # type: ignore[misc]
    """Runs nodes in worker processes; a killed worker costs its own node at most.

    When a worker is killed (as the kernel does when memory runs out), all nodes under way are
    lost with it, and nobody knows whose fault it was. Each is run again in a pool of its own; one
    that is killed there, too, has crashed.
    """

    pool: ProcessPoolExecutor

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        shorten_sockets()
        super().__init__(plugin_args=plugin_args)
        self._workers = self.processors
        self._jobs: dict[int, tuple[Any, bool]] = {}
        self._alone: dict[int, ProcessPoolExecutor] = {}

    def run(self, graph: Any, config: Any, updatehash: bool = False) -> None:
        """Run a graph; when interrupted, end the workers, too."""
        try:
            super().run(graph, config, updatehash)
        except BaseException:
            for pool in (self.pool, *self._alone.values()):
                _kill(pool)
            raise

    def _prerun_check(self, graph: Any) -> None:
        super()._prerun_check(graph)
        # All workers of a pool start at once: no more than can ever have something to do.
        self._workers = min(self.processors, max(1, len(graph)))
        self.pool.shutdown()
        self.pool = self._new_pool(self._workers)

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        try:
            taskid: int = super()._submit_job(node, updatehash)
        except BrokenProcessPool:
            self.pool = self._new_pool(self._workers)
            taskid = super()._submit_job(node, updatehash)
        self._jobs[taskid] = (node, updatehash)
        return taskid

    def _async_callback(self, args: Future[dict[str, Any]]) -> None:
        # What was lost is found by the main loop, when it asks for the result.
        if not (args.cancelled() or isinstance(args.exception(), BrokenProcessPool)):
            super()._async_callback(args)

    def _get_result(self, taskid: int) -> dict[str, Any] | None:
        result: dict[str, Any] | None = super()._get_result(taskid)
        future = self._task_obj[taskid]
        if result is not None or not future.done():
            return result
        if not isinstance(future.exception(), BrokenProcessPool):
            return result
        if taskid in self._alone:
            return {"result": None, "traceback": [KILLED], "taskid": taskid}
        self._alone[taskid] = self._new_pool(1)
        node, updatehash = self._jobs[taskid]
        again = self._alone[taskid].submit(run_node, node, updatehash, taskid)
        again.add_done_callback(self._async_callback)
        self._task_obj[taskid] = again
        return None

    def _clear_task(self, taskid: int) -> None:
        super()._clear_task(taskid)
        self._jobs.pop(taskid, None)
        pool = self._alone.pop(taskid, None)
        if pool is not None:
            pool.shutdown(wait=False)

    def _new_pool(self, workers: int) -> ProcessPoolExecutor:
        context = multiprocessing.get_context(self.plugin_args.get("mp_context"))
        if context.get_start_method() == "forkserver":
            context.set_forkserver_preload([*LIBRARIES])
        return ProcessPoolExecutor(
            max_workers=workers,
            initializer=start_worker,
            initargs=(self._cwd,),
            mp_context=context,
        )


def _kill(pool: ProcessPoolExecutor) -> None:
    """End a pool's processes, whatever they do."""
    # There is no public way before Python 3.14.
    for process in list((pool._processes or {}).values()):
        process.kill()
    pool.shutdown(cancel_futures=True)
