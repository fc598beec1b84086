import pytest
import torch

from crepr.models import InputSpec, corrected_vae, denoising_autoencoder, mevae


def parameters(channels, **options):
    spec = mevae({"stain": InputSpec(tuple(f"c{i}" for i in range(channels)), 128)}, **options)
    return sum(values.numel() for values in spec.build().parameters())


@pytest.mark.parametrize(
    ("channels", "n_latent", "n_encoders", "published"),
    [(1, 64, 2, 5_505_537), (1, 64, 3, 7_642_625), (23, 512, 3, 15_345_271), (1, 128, 2, 6_587_137)],
)
def test_reference_parameters_of_ternes_et_al(channels, n_latent, n_encoders, published):
    names = ("rotation", "polarity", "shape")[:n_encoders]
    assert parameters(channels, n_latent=n_latent, invariant_to=names) == published


@pytest.mark.parametrize("size", [33, 40, 48, 50, 65])
def test_any_size(size):
    spec = mevae({"stain": InputSpec(("a",), size)}, n_latent=4)
    seen = {name: torch.rand(2, 1, size, size) for name in spec.view["sees"]}
    assert spec.build().eval()(seen).outputs["stain"].shape == (2, 1, size, size)


def test_encoders_are_not_shared():
    spec = mevae({"stain": InputSpec(("a",), 32)}, n_latent=4)
    weights = [encoder.mean.weight for encoder in spec.build().encoders.values()]
    assert len({tuple(weight.flatten().tolist()) for weight in weights}) == 3


@pytest.mark.parametrize("make", [mevae, corrected_vae, denoising_autoencoder])
@pytest.mark.parametrize(
    ("inputs", "options", "match"),
    [
        ({"stain": 32}, {"invariant_to": ()}, "a list that names each nuisance once"),
        ({"stain": 32}, {"invariant_to": "rotation"}, "a list that names each nuisance once, got 'rotation'"),
        ({"stain": 32}, {"invariant_to": ["size", "size"]}, "names each nuisance once"),
        ({"stain": 32}, {"radius": 17}, r"radius=17 does not fit crops of 32 pixels.*Set radius, up to 16"),
        ({"stain": 32}, {"uncorrect": "none"}, "uncorrect must be one of 'random', 'own'"),
        ({"stain": 32, "other": 32}, {}, "Only crops of stains can be corrected, got inputs 'stain', 'other'"),
    ],
)
def test_error(make, inputs, options, match):
    with pytest.raises(ValueError, match=match):
        make({name: InputSpec(("a",), size) for name, size in inputs.items()}, **options)


def test_error_points():
    inputs = {"stain": InputSpec(("a",), 32)}
    with pytest.raises(ValueError, match=r"combine='poe' is a product of distributions.*Set sampled=True"):
        mevae(inputs, combine="poe", sampled=False)
    with pytest.raises(ValueError, match=r"beta=1.0 weighs the KL term.*Leave beta out"):
        mevae(inputs, beta=1.0, sampled=False)
    with pytest.raises(ValueError, match="n_latent=300 is more than the 256 features"):
        mevae({"stain": InputSpec(("a",), 16)}, n_latent=300)
