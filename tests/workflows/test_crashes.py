from __future__ import annotations

import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node, Workflow
from nipype.pipeline.plugins.base import DistributedPluginBase

from bids_deface.errors import OutputError
from bids_deface.workflows.crashes import NO_MEMORY, ToldCrashes, reason_of
from bids_deface.workflows.execution import Execution, configure


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (
            "\tbids_deface.errors.OutputError: Cannot write x.nii.gz: No space left. Clean up.\n",
            "Cannot write x.nii.gz: No space left. Clean up.",
        ),
        ("OSError: [Errno 28] No space left on device: 'x'\n", "No space left on device: 'x'. "),
        ("\tnumpy._core._exceptions._ArrayMemoryError: Unable to allocate 3 GiB\n", NO_MEMORY),
        ("MemoryError\n", NO_MEMORY),
        ("ValueError: the header says Jane Doe\n", "internal error (ValueError)"),
        ("SLURM job 7 ended without a result.\n", "SLURM job 7 ended without a result."),
    ],
)
def test_the_reason_of_a_crash_is_one_line_that_quotes_no_header(last, told):
    lines = ["Traceback (most recent call last):\n", '  File "x.py", line 1\n', last]
    reason = reason_of([last] if last.startswith("SLURM") else lines)
    assert told in reason
    assert "\n" not in reason
    assert "Jane" not in reason


class Queue(ToldCrashes, DistributedPluginBase):
    """A batch system whose jobs all vanish; what is left of them is one string."""

    def _submit_job(self, node, updatehash=False):
        return 1

    def _get_result(self, taskid):
        return {"result": None, "traceback": "the job is gone", "hostname": ""}

    def _clear_task(self, taskid):
        pass


@pytest.mark.parametrize("disk", ["fine", "full"])
def test_a_job_that_vanishes_costs_what_needs_it_only(tmp_path, monkeypatch, disk):
    """nipype ends the whole run with a TypeError, for it adds lines to that string."""
    configure(Execution("SLURM", tmp_path / "crash"))
    if disk == "full":

        def full(*args, **kwargs):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("nipype.pipeline.plugins.base.report_crash", full)
    workflow = Workflow("gone_wf", base_dir=tmp_path / "work")
    first, second, other = (
        Node(Function(["x"], ["out"], lambda x: x), name=name) for name in ("a", "b", "c")
    )
    first.inputs.x = other.inputs.x = 1
    workflow.connect(first, "out", second, "x")
    workflow.add_nodes([other])
    workflow.config["execution"] = {"poll_sleep_duration": "0.01", "job_finished_timeout": "0"}
    told = {}
    with pytest.raises(RuntimeError):
        workflow.run(Queue({"on_end": told.__setitem__}))
    assert told == dict.fromkeys(("gone_wf.a", "gone_wf.b", "gone_wf.c"), "the job is gone")
    assert len(list((tmp_path / "crash").glob("*.txt"))) == (2 if disk == "fine" else 0)


def test_our_errors_are_recognised():
    assert OutputError.__module__ == "bids_deface.errors"
