"""What holds for every model, whatever its name."""

import json

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from crepr.models._objective import WarmUp
from crepr.models._registry import MODELS, SPATIAL_MODELS
from crepr.models._spec import InputSpec, ModelSpec

GENES = ("Acta2", "Apob", "Cd3e")
VARIANTS = {
    "stain": {},
    "stain-bce": {"reconstruction": {"stain": "bce"}},
    "transcripts": {},
    "transcripts-weighted": {"gene_weights": (1.5, 0.5, 1.0), "totals": False},
    "transcripts-dice": {"reconstruction": {"transcripts": "dice_focal"}},
    "transcripts-batch": {"reconstruction": {"transcripts": "dice_focal"}, "gene_weights": "batch", "alpha": 0.25},
    "transcripts-skip": {"reconstruction": {"transcripts": "dice_focal"}, "empty": "skip"},
    "stain+transcripts": {"beta": WarmUp(0.0, 1.0, 5)},
    "stain+transcripts-nearest": {"upsample": "nearest", "padding": 0},
}
OPTIONS = {
    "conditional_vae": {"condition": [{"column": "angle", "kind": "axis"}, {"column": "area", "kind": "number"}]},
    "mmd_vae": {"mmd": 10.0},
    "paired_inpainting": {"markers": ["DAPI"], "proteins": ["membrane"], "width": 0.1},
    "autoencoder": {"width": 0.1},
}
#: Models of one input of stains, each in variants of its own.
ENCODERS = {
    "mevae": {
        "stain": {},
        "stain-three": {"invariant_to": ("rotation", "polarity", "size")},
        "stain-one": {"invariant_to": ("rotation",)},
        "stain-poe": {"combine": "poe"},
        "stain-mean": {"combine": "mean", "blocks": "norm"},
        "stain-points": {"sampled": False, "upsample": "nearest"},
    },
    "corrected_vae": {"stain": {}, "stain-plain": {"blocks": "plain", "invariant_to": ("rotation",)}},
    "denoising_autoencoder": {"stain": {}, "stain-bce": {"reconstruction": {"stain": "bce"}}},
    "paired_inpainting": {
        "stain": {},
        "stain-shallow": {"widths": [8, 8], "marker_widths": [4, 4], "decoder_widths": [8, 8], "width": 1.0},
    },
    "autoencoder": {"stain": {}},
}


def variants(name):
    if name in ENCODERS:
        return ENCODERS[name]
    return {key: value for key, value in VARIANTS.items() if name != "double_decoder_vae" or "+" in key}


CASES = [pytest.param(name, variant, id=f"{name}-{variant}") for name in MODELS for variant in variants(name)]


def specify(name, variant, size=None, **options):
    # maps of spatial models are halved twice
    size = size or (20 if name in SPATIAL_MODELS else 21)
    every = {
        "stain": InputSpec(("DAPI", "membrane"), size),
        "transcripts": InputSpec(GENES, size, "planes", {"dilation": 3}),
    }
    inputs = {key: every[key] for key in variant.partition("-")[0].split("+")}
    chosen = {**OPTIONS.get(name, {}), **variants(name)[variant], **options}
    if name == "denoising_autoencoder":
        chosen.pop("beta", None)
    if name not in SPATIAL_MODELS:
        chosen["n_latent"] = 4
    return MODELS[name](inputs, **chosen)


def batch_for(spec, n=8, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = {}
    for name, item in spec.inputs.items():
        values = torch.rand(n, len(item.channels), item.size, item.size, generator=generator)
        inputs[name] = 0.3 * values if item.kind == "intensity" else (values < 0.05).float()
    counts = torch.randint(0, 5, (n, len(GENES)), generator=generator)
    versions = {
        side: {
            name: torch.rand(n, len(item.channels), item.size, item.size, generator=generator)
            for name, item in items.items()
        }
        for side, items in (("seen", spec.seen()), ("drawn", spec.drawn()))
    }
    condition = torch.randn(n, spec.network.n_condition, generator=generator)
    return {
        "inputs": versions["seen"] if "sees" in spec.view else inputs,
        "targets": versions["drawn"] if "shows" in spec.view else inputs,
        "counts": counts,
        "condition": condition,
    }


def train(spec, batch, n_steps, lr=3e-3):
    network, objective = spec.build(seed=1), spec.build_objective()
    optimizer = torch.optim.Adam(network.parameters(), lr)
    generator = torch.Generator().manual_seed(2)
    losses = []
    for _ in range(n_steps):
        # the epoch at which every weight is the final one
        loss, _ = objective(network(batch["inputs"], condition=batch["condition"], generator=generator), batch, epoch=5)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return network, losses


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_loss_falls(name, variant):
    spec = specify(name, variant)
    _, losses = train(spec, batch_for(spec), 12)
    assert losses[-1] < 0.95 * losses[0]


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_every_parameter_gets_a_gradient(name, variant):
    spec = specify(name, variant)
    network, _ = train(spec, batch_for(spec), 1)
    without = [
        key for key, parameter in network.named_parameters() if parameter.grad is None or not parameter.grad.any()
    ]
    assert without == []


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_specification_survives_json(name, variant):
    spec = specify(name, variant)
    assert spec.model == name
    assert ModelSpec.from_json(spec.to_json()) == spec
    assert json.loads(spec.to_json())["format"] == 1


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_same_seed_same_weights(name, variant):
    spec = specify(name, variant)
    before = torch.get_rng_state()
    weights = spec.build(seed=3).state_dict()
    assert torch.equal(before, torch.get_rng_state())
    torch.manual_seed(5)
    again, other = (spec.build(seed=seed).state_dict() for seed in (3, 4))
    assert all(torch.equal(weights[key], again[key]) for key in weights)
    assert any(not torch.equal(weights[key], other[key]) for key in weights)


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_output_has_the_shape_of_the_target(name, variant):
    spec = specify(name, variant)
    batch = batch_for(spec)
    output = spec.build().eval()(batch["inputs"], condition=batch["condition"])
    assert output.z.shape == ((8, 4) if name not in SPATIAL_MODELS else (8, output.z.shape[1], 5, 5))
    assert {key: value.shape for key, value in output.outputs.items()} == {
        key: value.shape for key, value in batch["targets"].items()
    }


@pytest.mark.parametrize(("name", "variant"), CASES)
def test_encoding_does_not_depend_on_the_rest_of_the_batch(name, variant):
    spec = specify(name, variant)
    batch = batch_for(spec)
    network, _ = train(spec, batch, 2)
    network.eval()

    def encode(inputs):
        if name in SPATIAL_MODELS:
            return tuple(network.features(inputs, network.spec.layers).values())
        return network.encode(inputs)

    with torch.no_grad():
        together = encode(batch["inputs"])
        alone = encode({key: values[2:3] for key, values in batch["inputs"].items()})
    torch.testing.assert_close(alone, tuple(part[2:3] for part in together), rtol=1e-4, atol=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(17, 131), st.sampled_from(["transpose", "nearest"]), st.sampled_from([0, 1]))
def test_any_size(size, upsample, padding):
    spec = specify("double_decoder_vae", "stain+transcripts", size, upsample=upsample, padding=padding)
    encoder = spec.network.encoders["encoder"]
    assert len(encoder.widths) >= 2
    batch = batch_for(spec, n=1)
    with torch.no_grad():
        output = spec.build().eval()(batch["inputs"], condition=batch["condition"])
    loss, parts = spec.build_objective()(output, batch, epoch=5)
    assert {key: value.shape for key, value in output.outputs.items()} == {
        "stain": (1, 2, size, size),
        "transcripts": (1, 3, size, size),
    }
    assert torch.isfinite(loss)
    assert list(parts) == ["stain_mse", "transcripts_bce", "kl"]


SAMPLED = [case for case in CASES if "kl" in specify(*case.values).objective]


@pytest.mark.parametrize(("name", "variant"), SAMPLED)
def test_initial_posterior_is_near_the_prior(name, variant):
    spec = specify(name, variant)
    batch = batch_for(spec)
    _, parts = spec.build_objective()(
        spec.build()(batch["inputs"], condition=batch["condition"], sample=False), batch, epoch=5
    )
    assert 0 < parts["kl"] < 4


@pytest.mark.parametrize("variant", ["stain", "stain+transcripts", "transcripts-dice"])
def test_latents_and_losses_are_float32_under_autocast(variant):
    spec = specify("vae", variant)
    batch = batch_for(spec)
    network, objective = spec.build().train(), spec.build_objective()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        output = network(batch["inputs"], generator=torch.Generator().manual_seed(0))
        loss, parts = objective(output, batch, epoch=5)
    loss.backward()
    assert {output.z.dtype, output.q["encoder"].scale.dtype, loss.dtype} == {torch.float32}
    assert {value.dtype for value in output.outputs.values()} == {torch.bfloat16}
    exact, reference = objective(network(batch["inputs"], generator=torch.Generator().manual_seed(0)), batch, epoch=5)
    torch.testing.assert_close(loss, exact, rtol=0.02, atol=0)
    assert all(torch.isfinite(parameter.grad).all() for parameter in network.parameters())
    assert list(parts) == list(reference)
