from __future__ import annotations

import pytest
import torch

from bids_deface.detection.inference import predict
from bids_deface.detection.network import AttentionUNet, InstanceNorm, NetworkConfig
from bids_deface.training.presets import PRESETS


@pytest.mark.parametrize("name", list(PRESETS))
def test_network_keeps_the_image_size(name):
    config = PRESETS[name].network
    network = AttentionUNet(config).eval()
    assert network(torch.rand(1, 1, 32, 16, 48)).shape == (1, 6, 32, 16, 48)


@pytest.mark.parametrize("shape", [(33, 20, 17), (16, 16, 16), (5, 40, 9)])
def test_any_size_is_predicted(shape):
    torch.manual_seed(0)
    network = AttentionUNet(NetworkConfig(widths=(4, 8, 8))).eval()
    out = predict(network, torch.rand(shape))
    assert out.shape == (6, *shape)
    torch.testing.assert_close(out.sum(0), torch.ones(shape), atol=1e-3, rtol=0)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last_3d])
def test_one_image_is_normalised_as_one_of_many(layout):
    torch.manual_seed(0)
    norm = InstanceNorm(8, affine=True)
    torch.nn.init.normal_(norm.weight)
    images = torch.randn(2, 8, 5, 6, 7).to(memory_format=layout)
    for one, among in zip(images, norm(images), strict=True):
        alone = norm(one[None].to(memory_format=layout))
        torch.testing.assert_close(alone[0], among, atol=1e-5, rtol=1e-5)
        assert alone.is_contiguous(memory_format=layout)


def test_attention_and_squeeze_excitation_are_used():
    plain = AttentionUNet(NetworkConfig(widths=(4, 8), attention=False))
    gated = AttentionUNet(NetworkConfig(widths=(4, 8)))
    paper = AttentionUNet(NetworkConfig(widths=(4, 8), squeeze_excitation=True))
    sizes = [sum(p.numel() for p in net.parameters()) for net in (plain, gated, paper)]
    assert sizes[0] < sizes[1] < sizes[2]
    assert NetworkConfig.from_dict(paper.config.to_dict()) == paper.config
