from __future__ import annotations

import pytest

from bids_deface.errors import UsageError
from bids_deface.workflows.plugins import choose_plugin, is_batch, make_plugin
from tests.pages import DOCS, blocks


def test_plugins_are_chosen(tmp_path):
    assert choose_plugin(1, 4.0, None, None, "{}")[0] == "MultiProc"
    assert choose_plugin(1, 4.0, None, "Linear", "{}") == ("Linear", {})
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
    (example,) = blocks((DOCS / "cluster.md").read_text(), "json")
    path.write_text(example)
    name, args = choose_plugin(3, 4.0, path, None, "{}")
    assert (name, args["max_jobs"]) == ("SLURM", 100)
    with pytest.raises(UsageError):
        choose_plugin(3, 4.0, tmp_path / "none.json", None, "{}")
    with pytest.raises(UsageError):
        choose_plugin(3, 4.0, None, None, "[")
    with pytest.raises(UsageError, match="no plugin"):
        choose_plugin(3, 4.0, None, "Magic", "{}")


@pytest.mark.parametrize(
    ("name", "instead"),
    [("SLURMGraph", "Use SLURM."), ("SGEGraph", "Use SGE."), ("CondorDAGMan", "MultiProc")],
)
def test_plugins_that_do_not_wait_are_refused(name, instead):
    with pytest.raises(UsageError, match="does not wait for its jobs") as error:
        choose_plugin(1, 4.0, None, name, "{}")
    assert instead in str(error.value)


def test_a_plugin_that_is_not_installed_is_told():
    assert choose_plugin(1, 4.0, None, "IPython", "{}") == ("IPython", {})
    with pytest.raises(UsageError, match="ipyparallel"):
        make_plugin("IPython", {}, lambda name, problem: None)


def test_a_queue_is_not_asked_ten_times_a_second():
    assert [name for name in ("MultiProc", "Linear", "SLURM", "SGE") if is_batch(name)] == [
        "SLURM",
        "SGE",
    ]
