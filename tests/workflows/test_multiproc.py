"""Workers that are killed, as the kernel does when memory runs out."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from nipype.interfaces.utility import Function
from nipype.pipeline.engine import Node, Workflow

from bids_deface.errors import OutputError
from bids_deface.workflows.execution import Execution, configure, run_workflow
from bids_deface.workflows.multiproc import LONGEST_TEMPORARY, shorten_sockets
from bids_deface.workflows.plugins import choose_plugin


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


def run(
    folder: Path, *jobs: Callable[[str], str], threads: int = 2
) -> tuple[bool, dict[str, str]]:
    """Run nodes side by side; return whether none crashed, and how each ended."""
    plugin, args = choose_plugin(threads, 4.0, None, None, "{}")
    execution = Execution(plugin, folder / "crash", args)
    configure(execution)
    workflow = Workflow("killed_wf", base_dir=folder / "work")
    for job in jobs:
        node = Node(Function(["folder"], ["out"], job), name=job.__name__)
        node.inputs.folder = str(folder)
        workflow.add_nodes([node])
    ended: dict[str, str] = {}
    return run_workflow(workflow, execution, ended.__setitem__), ended


@pytest.mark.parametrize("threads", [1, 2])
def test_a_killed_worker_costs_its_own_node_only(tmp_path: Path, threads: int) -> None:
    fine, ended = run(tmp_path, die_always, live, threads=threads)
    assert not fine
    assert (tmp_path / "lived").exists()
    assert ended.keys() == {"killed_wf.die_always", "killed_wf.live"}
    assert ended["killed_wf.live"] == ""
    assert "too little memory" in ended["killed_wf.die_always"]
    (crash,) = (tmp_path / "crash").glob("*.txt")
    assert "too little memory" in crash.read_text()


def test_a_node_that_is_killed_once_is_run_again(tmp_path: Path) -> None:
    fine, ended = run(tmp_path, die_once)
    assert fine
    assert (tmp_path / "survived").exists()
    assert ended == {"killed_wf.die_once": ""}


@pytest.mark.skipif(os.name == "nt", reason="no sockets with a path")
def test_a_temporary_folder_that_is_too_deep_for_sockets_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * LONGEST_TEMPORARY)
    with pytest.raises(OutputError, match=r"too long.*Set TMPDIR"):
        shorten_sockets((str(tmp_path / "none"),))
    monkeypatch.setattr(tempfile, "tempdir", "/" + "x" * (LONGEST_TEMPORARY - 1))
    shorten_sockets(())
