from __future__ import annotations

import shutil

import pytest
import torch

from bids_deface.detection.checksum import DEFAULT_WEIGHTS, verify
from bids_deface.detection.network import AttentionUNet, NetworkConfig
from bids_deface.detection.weights import load_weights, save_weights
from bids_deface.errors import WeightsError


def test_shipped_weights_are_whole_and_small():
    assert len(verify()) == 64
    assert DEFAULT_WEIGHTS.stat().st_size <= 12_000_000
    assert DEFAULT_WEIGHTS.with_name("MODEL_CARD.md").is_file()


def test_saved_weights_come_back(tmp_path):
    torch.manual_seed(0)
    network = AttentionUNet(NetworkConfig(widths=(4, 8)))
    checksum = save_weights(tmp_path / "w.safetensors", network.state_dict(), network.config)
    loaded = load_weights(tmp_path / "w.safetensors")
    assert loaded.sha256 == checksum
    assert loaded.network.config == network.config
    for name, value in network.state_dict().items():
        torch.testing.assert_close(loaded.network.state_dict()[name], value)


def test_altered_missing_and_foreign_weights_are_refused(tmp_path):
    path = tmp_path / DEFAULT_WEIGHTS.name
    with pytest.raises(WeightsError, match="missing"):
        load_weights(path)
    for suffix in ("", ".sha256"):
        shutil.copy(f"{DEFAULT_WEIGHTS}{suffix}", f"{path}{suffix}")
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="altered"):
        load_weights(path)
    import hashlib

    path.write_bytes(b"not a weights file")
    sha = hashlib.sha256(path.read_bytes()).hexdigest()
    path.with_name(path.name + ".sha256").write_text(f"{sha}  {path.name}\n")
    with pytest.raises(WeightsError, match="no weights file"):
        load_weights(path)
