import pytest
import torch

from crepr.models._block_sizes import block_sizes
from crepr.models._output import Output
from crepr.models._presets import PRESETS
from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec

# trainable parameters of the published networks, derived from their code; VAE1 and VAE5 with 50 and 20 latent dimensions
PUBLISHED = {
    "moser-vae1": 2_087_487,
    "moser-vae2": 503_664,
    "moser-vae3": 7_258_186,
    "moser-vae4": 7_890_250,
    "moser-vae5": 7_304_416,
}
# with the scale and shift of the batch norm of two heads
PROFILES = {"chow-cp5": (302_648, 588), "chow-l1000": (1_077_868, 978)}
PICTURES = [name for name in PRESETS if name.startswith("moser")]
KINDS = {"stain": "intensity", "transcripts": "planes"}


def specify(name, **options):
    preset = PRESETS[name]
    inputs = {
        key: InputSpec(tuple(f"{key} {i}" for i in range(item["n_channels"])), item["size"], KINDS[key])
        for key, item in preset["inputs"].items()
    }
    options = {**preset["model"], **options}
    return MODELS[options.pop("model")](inputs, **options)


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", PICTURES)
def test_reference_parameters_are_the_published_ones(name):
    spec = specify(name)
    # the plain last layer: without the scale and shift of batch norm, with a bias
    mended = sum(-2 * len(item.channels) + len(item.channels) for item in spec.inputs.values())
    assert count(spec.build()) == PUBLISHED[name] + mended


@pytest.mark.parametrize(
    ("name", "n_latent", "expected"), [("moser-vae1", 100, 2_156_587), ("moser-vae5", 50, 7_892_476)]
)
def test_reference_parameters_with_another_latent(name, n_latent, expected):
    spec = specify(name, n_latent=n_latent)
    channels = sum(len(item.channels) for item in spec.inputs.values())
    assert count(spec.build()) == expected - channels


@pytest.mark.parametrize(
    ("name", "flat"), [("moser-vae1", 460), ("moser-vae2", 3072), ("moser-vae3", 2160), ("moser-vae5", 6000)]
)
def test_reference_flat_features(name, flat):
    encoder = specify(name).network.encoders["encoder"]
    assert encoder.widths[-1] * block_sizes(encoder.size, 5, padding=0)[-1] ** 2 == flat


@pytest.mark.parametrize("name", PICTURES)
def test_anchor_loss_is_the_published_sum_of_means(name):
    spec = specify(name)
    # bright stains decoded as dark, and undecided planes without a spot
    outputs = {key: torch.zeros(1, len(item.channels), 8, 8) for key, item in spec.inputs.items()}
    weights = {key: term.weight for key, term in spec.objective.items()}
    targets = {key: (values + (key == "stain")) for key, values in outputs.items()}
    parts = {
        key: term[0](Output(torch.zeros(1, 1), {}, outputs), {"targets": targets, "counts": torch.ones(1, 241)}).item()
        for key, term in spec.build_objective().terms.items()
        if key != "kl"
    }
    expected = 0.0
    if "stain" in outputs:
        # a squared error of 1 in each of 64 pixels of each stain, of which the mean over the whole crop is taken
        expected += 64 / spec.inputs["stain"].size ** 2
    if "transcripts" in outputs:
        expected += 0.8 * (1 - 1e-5 / 32.01) + 0.4 * 0.25 * 0.693147
    assert sum(weights[key] * part for key, part in parts.items()) == pytest.approx(expected, rel=1e-5)
    assert weights["kl"] == 0


@pytest.mark.parametrize("name", PICTURES)
def test_property_training_arguments(name):
    assert set(PRESETS[name]) == {"model", "train", "inputs"}
    assert set(PRESETS[name]["train"]) == {"lr", "batch_size", "max_epochs", "eps", "weight_decay"}
    assert {item["size"] for item in PRESETS[name]["inputs"].values()} == {
        specify(name).network.encoders["encoder"].size
    }


@pytest.mark.parametrize("name", PROFILES)
def test_reference_parameters_of_profiles_are_the_published_ones(name):
    expected, n_features = PROFILES[name]
    options = dict(PRESETS[name]["model"])
    features = InputSpec(tuple(f"feature {i}" for i in range(n_features)), kind="profile")
    spec = MODELS[options.pop("model")]({"X": features}, **options)
    assert PRESETS[name]["inputs"] == {"profile": {"n_features": n_features}}
    assert count(spec.build()) == expected - 4 * options["n_latent"]
    assert spec.objective["X_mse"].weight == 1
