"""What nipype's SLURM plugin is made to do; a real SLURM runs in ``tests/slurm``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node
from nipype.pipeline.plugins.slurm import SLURMPlugin

from bids_deface.workflows import init_deface_wf, slurm
from bids_deface.workflows.slurm import SteadySLURMPlugin, needs_of


def test_each_job_asks_for_what_its_node_needs():
    deface = init_deface_wf(omp_nthreads=3, mem_gb=2.5, device="cuda").get_node("deface")
    assert needs_of(deface, "") == "--cpus-per-task=3 --mem=2560M --gres=gpu:1"
    user = "--mem-per-cpu=4G --gpus=a100:1 -p gpu"
    assert needs_of(deface, user) == f"--cpus-per-task=3 {user}", "the user knows better"


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    """A plugin whose job 7 is done, and what SLURM says of it."""
    states = {}

    def ask(*command):
        text = f"JobId=7 JobState={states['job']} Reason=None"
        return subprocess.CompletedProcess(command, 0, stdout=text, stderr="")

    monkeypatch.setattr(slurm, "_ask", ask)
    monkeypatch.setattr(SLURMPlugin, "_is_pending", lambda self, taskid: False)
    made = SteadySLURMPlugin(plugin_args={"on_end": print})
    made._pending[7] = str(tmp_path)
    made._config = {"execution": {"job_finished_timeout": "0"}}
    return made, states


@pytest.mark.parametrize("state", ["OUT_OF_MEMORY", "TIMEOUT", "NODE_FAIL"])
def test_a_job_without_result_is_told_in_the_words_of_slurm(plugin, state):
    made, states = plugin
    states["job"] = state
    (line,) = made._get_result(7)["traceback"]
    assert f"SLURM job 7 ended without a result ({state})" in line
    assert "ask for more" in line


def test_a_job_that_slurm_starts_again_is_waited_for(plugin):
    made, states = plugin
    states["job"] = "REQUEUED"
    assert made._get_result(7) is None


def test_a_queue_that_does_not_answer_does_not_lose_a_job(plugin, monkeypatch):
    def fail(self, taskid):
        raise RuntimeError("slurm_load_jobs error: Unable to contact slurm controller")

    monkeypatch.setattr(SLURMPlugin, "_is_pending", fail)
    assert plugin[0]._get_result(7) is None


def test_an_old_result_is_not_taken_for_that_of_a_new_job(plugin, tmp_path, monkeypatch):
    monkeypatch.setattr(SLURMPlugin, "_submit_job", lambda self, node, updatehash: 8)
    node = Node(Function(function=needs_of), name="one", base_dir=str(tmp_path))
    old = Path(node.output_dir()) / "result_one.pklz"
    old.parent.mkdir()
    old.write_bytes(b"")
    assert plugin[0]._submit_job(node) == 8
    assert not old.exists()
