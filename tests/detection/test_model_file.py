"""A weights file comes from anywhere: what it says is checked before it is believed."""

from __future__ import annotations

import hashlib
import json

import pytest
import torch
from safetensors.torch import save_file

from bids_deface.anatomy import CLASSES
from bids_deface.detection.model_file import read_feature_table
from bids_deface.detection.network import AttentionUNet, NetworkConfig
from bids_deface.detection.weights import load_weights, save_weights
from bids_deface.errors import WeightsError
from bids_deface.feature_check import table_from
from bids_deface.feature_table import STANDARD
from tests.conftest import command

TABLE = table_from({"chin": {"label": 8, "color": "#e69f00"}})
SMALL = NetworkConfig(widths=(4, 8), n_classes=7, extra=1)


def write(path, metadata, state):
    """Write a weights file as a stranger may, with a checksum that fits."""
    save_file({name: value.contiguous() for name, value in state.items()}, path, metadata)
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{sha}  {path.name}\n")
    return path


@pytest.fixture
def said():
    """What a good file says, and its weights."""
    metadata = {
        "network": json.dumps(SMALL.to_dict()),
        "classes": json.dumps(TABLE.classes),
        "features": json.dumps(TABLE.to_dict()),
    }
    return metadata, AttentionUNet(SMALL).state_dict()


def test_the_table_travels_with_the_weights(tmp_path):
    path = tmp_path / "w.safetensors"
    save_weights(path, AttentionUNet(SMALL).state_dict(), SMALL, TABLE)
    assert read_feature_table(path) == load_weights(path).table == TABLE
    assert read_feature_table() == STANDARD


def network(**changes):
    return {"network": json.dumps({**SMALL.to_dict(), **changes})}


@pytest.mark.parametrize(
    "changes",
    [
        {"features": "{"},
        {"features": "[" * 100_000},
        {"features": json.dumps({"chin": {"label": 8, "color": "#e69f00", "method": "eval"}})},
        {"features": json.dumps({"<script>": {"label": 8, "color": "#e69f00"}})},
        {"features": "{}"},
        {"classes": json.dumps([*CLASSES, "beard"])},
        {"classes": "7"},
        {"network": "[]"},
        {"padding": "x" * 100_000},
        network(widths=[4, 10**6]),
        network(widths=[4, 1024] * 4),
        network(widths=[4, -8]),
        network(widths="ab"),
        network(n_classes=6),
        network(extra=7),
        network(extra="1"),
        network(shell="rm"),
    ],
)
def test_foreign_metadata_is_refused(tmp_path, said, changes):
    metadata, state = said
    path = write(tmp_path / "w.safetensors", {**metadata, **changes}, state)
    with pytest.raises(WeightsError) as told:
        load_weights(path)
    assert str(path) in told.value.message
    assert "bids-deface-train" in told.value.hint


def test_foreign_weights_are_refused(tmp_path, said):
    metadata, state = said
    name = next(iter(state))
    for changed in (
        {k: v for k, v in state.items() if k != name},
        {**state, "more": torch.zeros(2)},
        {**state, name: state[name].double()},
        {**state, name: state[name][:1]},
        {**state, name: torch.full_like(state[name], torch.nan)},
    ):
        with pytest.raises(WeightsError):
            load_weights(write(tmp_path / "w.safetensors", metadata, changed))
    load_weights(write(tmp_path / "w.safetensors", metadata, state))


def test_every_command_says_what_is_wrong_with_a_model(tmp_path, said, head_file):
    metadata, state = said
    path = write(tmp_path / "w.safetensors", {**metadata, "features": "{"}, state)
    pickled = tmp_path / "w.pt"
    torch.save(state, pickled)
    (tmp_path / "in").mkdir()
    for module, arguments in (
        ("bids_deface.cli.image", [head_file, tmp_path / "o.nii.gz"]),
        ("bids_deface.cli.dicom", [tmp_path / "in", tmp_path / "out"]),
        ("bids_deface.cli.main", [tmp_path / "in", tmp_path / "out", "participant"]),
    ):
        for model in (path, pickled) if module.endswith("image") else (path,):
            done = command(*arguments, "--model", model, module=module)
            assert done.returncode == 69, done.stderr
            assert str(model) in done.stderr
            assert "Traceback" not in done.stderr
    assert not (tmp_path / "o.nii.gz").exists()
