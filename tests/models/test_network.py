import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.models._decoder import DecoderSpec
from crepr.models._encoder import EncoderSpec
from crepr.models._network import Network, NetworkSpec


def network_spec(
    size=20, widths=(3, 4), *, n_latent=5, upsample="transpose", kernel=3, padding=1, latent="normal", totals=False
):
    geometry = {"size": size, "widths": widths, "kernel": kernel, "padding": padding, "totals": totals}
    return NetworkSpec(
        {"encoder": EncoderSpec(("stain", "transcripts"), channels=5, **geometry)},
        {
            "stain": DecoderSpec("stain", channels=2, upsample=upsample, **geometry),
            "transcripts": DecoderSpec("transcripts", channels=3, upsample=upsample, **geometry),
        },
        n_latent,
        latent,
    )


def build(**options):
    torch.manual_seed(0)
    return Network(network_spec(**options))


def pictures(n=4, size=20):
    generator = torch.Generator().manual_seed(1)
    return {
        "stain": torch.rand(n, 2, size, size, generator=generator),
        "transcripts": torch.rand(n, 3, size, size, generator=generator),
    }


def test_anchor_mean_is_decoded_in_eval_mode():
    network = build().eval()
    inputs = pictures()
    output = network(inputs)
    mean, logvar = network.encode(inputs)
    assert torch.equal(output.z, mean)
    assert torch.equal(output.q["encoder"].mean, mean)
    torch.testing.assert_close(output.q["encoder"].variance, logvar.exp())
    for target, decoded in network.decode(mean).items():
        assert torch.equal(output.outputs[target], decoded)


def test_anchor_totals_reach_the_latent_and_levels_the_output():
    network = build(totals=True).eval()
    inputs = pictures()
    for part in (network.encoders["encoder"].mean, network.decoders["transcripts"].linear):
        torch.nn.init.zeros_(part.weight)
    # of the encoder's features, let the total of the last gene alone through
    network.encoders["encoder"].mean.weight.data[0, -1] = 1.0
    network.encoders["encoder"].totals.running_mean.zero_()
    mean = network.encode(inputs)[0]
    amount = torch.log1p(inputs["transcripts"][:, 2].sum((1, 2)))
    bias = network.encoders["encoder"].mean.bias
    torch.testing.assert_close(mean[:, 0], amount / np.sqrt(1 + 1e-5) + bias[0])
    # without a picture, the levels are all that tells one latent from another
    first, second = network.decode(mean)["transcripts"][:2]
    level = network.decoders["transcripts"].level(mean)
    torch.testing.assert_close(first - second, (level[0] - level[1])[:, None, None].expand_as(first))


def test_anchor_noise_comes_from_the_generator():
    network = build().train()
    inputs = pictures()
    output = network(inputs, generator=torch.Generator().manual_seed(3))
    noise = torch.randn(4, 5, generator=torch.Generator().manual_seed(3))
    posterior = output.q["encoder"]
    torch.testing.assert_close(output.z, posterior.mean + posterior.scale * noise)


def test_anchor_inputs_are_joined_in_the_order_of_the_specification():
    network = build().eval()
    inputs = pictures()
    turned = dict(reversed(inputs.items()))
    torch.testing.assert_close(network.encode(inputs), network.encode(turned))


def test_anchor_last_layer_is_bare():
    for upsample in ("transpose", "nearest"):
        decoder = build(upsample=upsample).decoders["stain"]
        kinds = [type(module).__name__ for module in decoder.modules() if not list(module.children())]
        assert kinds[-2:] in (["ConvTranspose2d", "_Crop"], ["Upsample", "Conv2d"])
        last = [module for module in decoder.modules() if hasattr(module, "stride")][-1]
        assert last.bias is not None


@settings(max_examples=40, deadline=None)
@given(
    st.integers(17, 131),
    st.integers(1, 3),
    st.sampled_from(
        [
            ("transpose", 3, 0),
            ("transpose", 3, 1),
            ("transpose", 4, 1),
            ("transpose", 5, 2),
            ("nearest", 3, 0),
            ("nearest", 3, 1),
        ]
    ),
)
def test_property_any_size_comes_back(size, depth, mode):
    upsample, kernel, padding = mode
    network = build(
        size=size, widths=(2,) * depth, n_latent=2, upsample=upsample, kernel=kernel, padding=padding
    ).eval()
    with torch.no_grad():
        output = network(pictures(1, size))
    assert output.z.shape == (1, 2)
    assert output.outputs["stain"].shape == (1, 2, size, size)
    assert output.outputs["transcripts"].shape == (1, 3, size, size)


@pytest.mark.parametrize("size", [20, 21, 33])
@pytest.mark.parametrize("padding", [0, 1])
def test_property_crops_take_one_pixel_at_most(size, padding):
    network = build(size=size, padding=padding).eval()
    taken = []

    def note(module, inputs, output):
        taken.append(inputs[0].shape[-1] - output.shape[-1])

    for module in network.modules():
        if type(module).__name__ == "_Crop":
            module.register_forward_hook(note)
    network(pictures(1, size))
    assert set(taken) <= {0, 1}


def test_property_encoding_does_not_depend_on_the_rest_of_the_batch():
    network = build().eval()
    inputs = pictures(6)
    mean, logvar = network.encode(inputs)
    for i in range(6):
        alone = network.encode({name: values[i : i + 1] for name, values in inputs.items()})
        torch.testing.assert_close(alone, (mean[i : i + 1], logvar[i : i + 1]))


@pytest.mark.parametrize("factor", [1.0, 1e4])
def test_property_posterior_stays_finite(factor):
    network = build().eval()
    with torch.no_grad():
        for parameter in network.encoders.parameters():
            parameter.mul_(factor)
    posterior = network(pictures(), sample=False).q["encoder"]
    assert torch.isfinite(posterior.scale).all()
    assert (posterior.scale > 0).all()


def test_property_noise_is_the_same_whatever_the_global_stream():
    network = build().train()
    inputs = pictures()
    torch.manual_seed(1)
    first = network(inputs, generator=torch.Generator().manual_seed(3)).z
    torch.manual_seed(2)
    assert torch.equal(first, network(inputs, generator=torch.Generator().manual_seed(3)).z)


def test_point_latent_has_no_posterior():
    network = build(latent="point").train()
    output = network(pictures())
    assert output.q == {}
    mean, logvar = network.encode(pictures())
    assert torch.equal(output.z, mean)
    assert (logvar == -torch.inf).all()
    with pytest.raises(ValueError, match="sample=True needs a latent that is a distribution"):
        network(pictures(), sample=True)


def test_error_sampling_without_generator():
    with pytest.raises(ValueError, match="needs a generator"):
        build().train()(pictures())
    with pytest.raises(ValueError, match="needs a generator"):
        build().eval()(pictures(), sample=True)


def test_error_inputs():
    network = build().eval()
    with pytest.raises(KeyError, match="No 'transcripts' in inputs"):
        network({"stain": pictures()["stain"]})
    with pytest.raises(ValueError, match=r"must have shape \(B, 5, 20, 20\) together, got \(4, 5, 21, 21\)"):
        network(pictures(size=21))


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"n_latent": 0}, ValueError, "n_latent must be at least 1, got 0"),
        ({"n_latent": 2.5}, TypeError, "n_latent must be an integer"),
        ({"widths": ()}, ValueError, "widths must hold one number of channels per block"),
        ({"widths": (4, 0)}, ValueError, "widths must be at least 1, got 0"),
        ({"size": 4, "widths": (2,) * 3, "padding": 0}, ValueError, "3 blocks are too many for size=4"),
        ({"kernel": 3, "padding": 3}, ValueError, "padding must be below kernel=3, got 3"),
        ({"upsample": "bilinear"}, ValueError, "upsample must be one of 'transpose', 'nearest', got 'bilinear'"),
        ({"upsample": "nearest", "kernel": 4}, ValueError, "needs an odd kernel, got 4"),
        ({"latent": "sphere"}, ValueError, "latent must be one of 'normal', 'point', got 'sphere'"),
    ],
)
def test_error_specification(change, error, match):
    with pytest.raises(error, match=match):
        network_spec(**change)


def test_error_encoders_and_decoders():
    encoder = EncoderSpec(("stain",), channels=1, size=8, widths=(2,))
    decoder = DecoderSpec("stain", channels=1, size=8, widths=(2,))
    with pytest.raises(ValueError, match="encoders must hold one encoder, got 'a', 'b'"):
        NetworkSpec({"a": encoder, "b": encoder}, {"stain": decoder}, 2)
    with pytest.raises(ValueError, match="at least one decoder, got none"):
        NetworkSpec({"a": encoder}, {}, 2)
    with pytest.raises(ValueError, match="a target of its own, got 'stain', 'stain'"):
        NetworkSpec({"a": encoder}, {"a": decoder, "b": decoder}, 2)
    with pytest.raises(ValueError, match="at least one input, got none"):
        EncoderSpec((), channels=1, size=8, widths=(2,))
