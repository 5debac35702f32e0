"""Workers that are killed, as the kernel does when memory runs out."""

from __future__ import annotations

from pathlib import Path

from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node, Workflow

from bids_deface.workflows.execution import Execution, choose_plugin, configure, run_workflow


def die_always(folder: str) -> str:
    import os
    import signal

    os.kill(os.getpid(), signal.SIGKILL)
    return folder


def die_once(folder: str) -> str:
    import os
    import signal
    from pathlib import Path

    mark = Path(folder) / "was-here"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    (Path(folder) / "survived").touch()
    return folder


def live(folder: str) -> str:
    import time
    from pathlib import Path

    time.sleep(1)
    (Path(folder) / "lived").touch()
    return folder


def test_a_killed_worker_costs_its_own_node_only(tmp_path: Path) -> None:
    plugin, args = choose_plugin(2, 4.0, None, None, "{}")
    execution = Execution(plugin, tmp_path / "crash", args)
    configure(execution)
    workflow = Workflow("killed_wf", base_dir=tmp_path / "work")
    for job in (die_always, die_once, live):
        node = Node(Function(["folder"], ["out"], job), name=job.__name__)
        node.inputs.folder = str(tmp_path)
        workflow.add_nodes([node])
    ended: list[str] = []
    assert not run_workflow(workflow, execution, ended.append)
    assert (tmp_path / "survived").exists()
    assert (tmp_path / "lived").exists()
    assert sorted(ended) == ["killed_wf.die_always", "killed_wf.die_once", "killed_wf.live"]
    (crash,) = (tmp_path / "crash").glob("*.txt")
    assert "too little memory" in crash.read_text()
