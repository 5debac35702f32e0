"""nipype's MultiProc, but for workers that are killed: nipype itself waits for them forever."""

from __future__ import annotations

import multiprocessing
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from nipype.pipeline.plugins.multiproc import MultiProcPlugin, process_initializer, run_node

KILLED = (
    "The worker process was killed, twice, the second time with no other beside it. As a rule "
    "that means too little memory: use fewer --nprocs, or a machine with more memory.\n"
)


class SteadyMultiProcPlugin(MultiProcPlugin):  # type: ignore[misc]
    """Runs nodes in worker processes; a killed worker costs its own node at most.

    When a worker is killed (as the kernel does when memory runs out), all nodes under way are
    lost with it, and nobody knows whose fault it was. Each is run again in a pool of its own; one
    that is killed there, too, has crashed.
    """

    def __init__(self, plugin_args: dict[str, Any] | None = None) -> None:
        super().__init__(plugin_args=plugin_args)
        self._jobs: dict[int, tuple[Any, bool]] = {}
        self._alone: dict[int, ProcessPoolExecutor] = {}

    def _submit_job(self, node: Any, updatehash: bool = False) -> int:
        try:
            taskid: int = super()._submit_job(node, updatehash)
        except BrokenProcessPool:
            self.pool = self._new_pool(self.processors)
            taskid = super()._submit_job(node, updatehash)
        self._jobs[taskid] = (node, updatehash)
        return taskid

    def _async_callback(self, args: Future[dict[str, Any]]) -> None:
        # What was lost is found by the main loop, when it asks for the result.
        if not isinstance(args.exception(), BrokenProcessPool):
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
        return ProcessPoolExecutor(
            max_workers=workers,
            initializer=process_initializer,
            initargs=(self._cwd,),
            mp_context=multiprocessing.get_context(self.plugin_args.get("mp_context")),
        )
