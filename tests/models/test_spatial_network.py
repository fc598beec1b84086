import pytest
import torch
from torch.nn import functional as F

from crepr.models._spatial_decoder import SpatialDecoderSpec
from crepr.models._spatial_encoder import SpatialEncoderSpec
from crepr.models._spatial_network import SpatialNetwork, SpatialNetworkSpec


@pytest.fixture(scope="module")
def network():
    """A network that has seen batches, so that its norms do something."""
    torch.manual_seed(0)
    encoder = SpatialEncoderSpec(("source",), channels=2, size=16, widths=(4, 5, 6, 7))
    decoder = SpatialDecoderSpec("protein", channels=1, size=16, widths=(5, 4))
    made = SpatialNetwork(SpatialNetworkSpec({"source": encoder}, {"protein": decoder}))
    for norm in made.encoders["source"].norms:
        torch.nn.init.uniform_(norm.weight, 0.5, 2)
        torch.nn.init.uniform_(norm.bias, -1, 1)
    for _ in range(5):
        made({"source": torch.rand(8, 2, 16, 16)})
    return made.eval()


@torch.no_grad()
def test_anchor_features_step_by_step(network):
    x = torch.rand(3, 2, 16, 16)
    expected = {}
    encoder = network.encoders["source"]
    maps = x
    for i, (conv, norm) in enumerate(zip(encoder.convs, encoder.norms, strict=True)):
        active = F.conv2d(maps, conv.weight, conv.bias, padding=1).clamp(min=0)
        expected[f"conv{i + 1}"] = active
        spread = (norm.running_var + 1e-3).sqrt()[:, None, None]
        maps = (active - norm.running_mean[:, None, None]) / spread * norm.weight[:, None, None]
        maps = maps + norm.bias[:, None, None]
        if i < 2:
            maps = maps.unflatten(3, (-1, 2)).unflatten(2, (-1, 2)).amax((3, 5))
    for pooling, pool in {"max": torch.amax, "mean": torch.mean}.items():
        found = network.features({"source": x}, ["conv3", "conv4"], pooling=pooling)
        assert list(found) == ["conv3", "conv4"]
        for layer, values in found.items():
            torch.testing.assert_close(values, pool(expected[layer], (2, 3)))
    torch.testing.assert_close(network.maps("source", {"source": x}), maps)


def test_maps_must_be_of_one_size():
    encoder = SpatialEncoderSpec(("source",), channels=1, size=16, widths=(2, 2), n_pools=1)
    decoder = SpatialDecoderSpec("protein", channels=1, size=16, widths=(2, 2))
    with pytest.raises(ValueError, match="maps of one size, got"):
        SpatialNetworkSpec({"source": encoder}, {"protein": decoder})
    with pytest.raises(ValueError, match="size=18 is not divisible by 4.*16 or 20"):
        SpatialEncoderSpec(("source",), channels=1, size=18, widths=(2, 2))
    with pytest.raises(ValueError, match="n_pools=3 is more than the 2 convolutions"):
        SpatialEncoderSpec(("source",), channels=1, size=16, widths=(2, 2), n_pools=3)
