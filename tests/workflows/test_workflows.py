from __future__ import annotations

from pathlib import Path

import pytest
from nipype.interfaces.utility import Function, IdentityInterface
from nipype.pipeline.engine import Node, Workflow

from bids_deface.dataset.plan import make_plan
from bids_deface.dataset.query import ImageRecord
from bids_deface.errors import UsageError
from bids_deface.settings import DefaceSettings
from bids_deface.workflows import init_bids_deface_wf, init_deface_wf
from bids_deface.workflows.execution import (
    Execution,
    choose_plugin,
    configure,
    run_workflow,
)
from bids_deface.workflows.subject import RunSettings


def test_deface_wf_runs_inside_another_workflow(head_file, tmp_path):
    deface_wf = init_deface_wf(features=["nose"], omp_nthreads=2)
    deface_wf.inputs.inputnode.in_file = str(head_file)
    follower = Node(IdentityInterface(fields=["in_file"]), name="follower")
    workflow = Workflow(name="outer_wf", base_dir=str(tmp_path))
    workflow.connect([(deface_wf, follower, [("outputnode.out_file", "in_file")])])
    graph = workflow.run(plugin="Linear")
    results = {node.name: node.result.outputs for node in graph.nodes()}
    assert Path(results["deface"].out_file).is_file()
    assert results["plot"].private_figures


def test_deface_wf_declares_its_needs_and_names_its_reference():
    workflow = init_deface_wf(omp_nthreads=3, device="cpu")
    node = workflow.get_node("deface")
    assert node.n_procs == 3
    assert node.mem_gb > 0
    assert "@jeong2020" in workflow.__desc__


def test_only_what_is_to_be_done_is_in_the_graph(tmp_path):
    records = [
        ImageRecord(tmp_path / name, f"{folder}/{name}", subject, "", "T1w")
        for subject, folder, name in (
            ("1", "sub-1/anat", "sub-1_T1w.nii.gz"),
            ("2", "sub-2/anat", "sub-2_T1w.nii.gz"),
        )
    ]
    plan = make_plan(tmp_path, tmp_path / "out", records, {})
    settings = RunSettings(DefaceSettings.of())
    workflow = init_bids_deface_wf(plan=plan, settings=settings, work_dir=tmp_path)
    assert {name.split(".")[0] for name in workflow.list_node_names()} == {"sub_1_wf", "sub_2_wf"}
    assert "sub_1_wf.deface_sub_1_T1w_wf.deface" in workflow.list_node_names()


def test_plugins_are_chosen(tmp_path):
    assert choose_plugin(1, 4.0, None, None, "{}") == ("Linear", {})
    name, args = choose_plugin(3, 4.0, None, None, "{}")
    assert name == "MultiProc"
    assert args["n_procs"] == 3
    assert args["memory_gb"] == 4.0
    assert choose_plugin(3, 4.0, None, "MultiProc", '{"n_procs": 2}')[1]["n_procs"] == 2
    assert choose_plugin(3, 4.0, None, "SLURM", '{"sbatch_args": "-t 5"}') == (
        "SLURM",
        {"sbatch_args": "-t 5"},
    )
    path = tmp_path / "plugin.json"
    path.write_text('{"plugin": "SGE", "plugin_args": {"a": 1}}')
    assert choose_plugin(3, 4.0, path, None, "{}") == ("SGE", {"a": 1})
    with pytest.raises(UsageError):
        choose_plugin(3, 4.0, tmp_path / "none.json", None, "{}")
    with pytest.raises(UsageError):
        choose_plugin(3, 4.0, None, None, "[")
    with pytest.raises(UsageError, match="no plugin"):
        choose_plugin(3, 4.0, None, "Magic", "{}")


def fail(value=1):
    raise ValueError(value)


def succeed(value=1):
    return value


@pytest.mark.filterwarnings("ignore")
def test_a_crash_is_told_and_leaves_text_not_pickles(tmp_path, monkeypatch):
    """Other nodes still run, and the crash file lies where it was asked for."""
    monkeypatch.chdir(tmp_path)
    execution = Execution("Linear", tmp_path / "private" / "logs")
    configure(execution)
    workflow = Workflow(name="w", base_dir=str(tmp_path / "work"))
    for name, function in (("bad", fail), ("good", succeed)):
        workflow.add_nodes([Node(Function(function=function, output_names=["out"]), name=name)])
    ended = []
    assert not run_workflow(workflow, execution, ended.append)
    assert "w.good" in ended
    crashes = list((tmp_path / "private" / "logs").iterdir())
    assert [path.suffix for path in crashes] == [".txt"]
    assert not list(tmp_path.glob("crash*"))
