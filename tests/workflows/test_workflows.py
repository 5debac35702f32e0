from __future__ import annotations

import re

import numpy as np
import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node, Workflow

from bids_deface.dataset.plan import make_plan
from bids_deface.dataset.query import ImageRecord
from bids_deface.reports.citation import bibliography
from bids_deface.settings import DefaceSettings
from bids_deface.workflows import init_bids_deface_wf, init_deface_wf
from bids_deface.workflows.deface import MEM_GB
from bids_deface.workflows.execution import Execution, configure, run_workflow
from bids_deface.workflows.subject import RunSettings, peak_memory_gb


def test_deface_wf_declares_its_needs_and_names_its_reference():
    workflow = init_deface_wf(omp_nthreads=3, device="cpu")
    node = workflow.get_node("deface")
    assert node.n_procs == 3
    assert node.mem_gb > 0
    assert node.inputs.num_threads == 3
    assert not node.is_gpu_node()
    assert init_deface_wf(device="cuda").get_node("deface").is_gpu_node()
    cited = set(re.findall(r"@(\w+)", workflow.__desc__))
    assert cited == {"jeong2020", "schlemper2019"}
    assert all(f"{{{key}," in bibliography() for key in cited)
    assert "whole face" in init_deface_wf(level="face").__desc__


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
    ended = {}
    assert not run_workflow(workflow, execution, ended.__setitem__)
    assert ended == {"w.good": "", "w.bad": "crashed"}
    crashes = list((tmp_path / "private" / "logs").iterdir())
    assert [path.suffix for path in crashes] == [".txt"]
    assert not list(tmp_path.glob("crash*"))


def test_memory_is_declared_by_the_size_of_the_scan(tmp_path, save_nifti):
    """Measured: 0.86 GiB for pictures of 12.4 million voxels, 2.1 GiB for 57.3 million."""
    small = save_nifti(tmp_path / "small.nii", np.zeros((8, 8, 8), np.int16))
    scan = save_nifti(tmp_path / "scan.nii", np.zeros((186, 258, 258), np.uint8))
    assert 0.86 < peak_memory_gb(small) < peak_memory_gb(scan) < 1.5
    assert peak_memory_gb(tmp_path / "none.nii") == MEM_GB
