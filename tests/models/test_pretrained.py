import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

from crepr.models._pretrained import Pretrained


def images(n=3, size=32, seed=0):
    return torch.rand(n, 3, size, size, generator=torch.Generator().manual_seed(seed))


def normalised(network, pixels):
    config = timm.data.resolve_model_data_config(network)
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    return (pixels - mean) / std


@pytest.fixture
def trained(tmp_path):
    """A network of someone else, and its weights in a file."""
    torch.manual_seed(5)
    network = timm.create_model("test_resnet").eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    return network, tmp_path / "weights.safetensors"


@torch.inference_mode()
def test_reference_is_timm(trained):
    network, file = trained
    ours = Pretrained("test_resnet", crop=32, weights=file)
    expected = network.forward_features(normalised(network, images()))
    torch.testing.assert_close(ours(images()), expected.amax((2, 3)))
    assert ours.source == str(file)
    assert ours.n_features == expected.shape[1]
    mean = Pretrained("test_resnet", crop=32, weights=file, pooling="mean")
    torch.testing.assert_close(mean(images()), expected.mean((2, 3)))
    larger = torch.nn.functional.interpolate(images(), (48, 48), mode="bilinear", antialias=True)
    resized = Pretrained("test_resnet", crop=32, weights=file, size=48)
    torch.testing.assert_close(resized(images()), network.forward_features(normalised(network, larger)).amax((2, 3)))


@torch.inference_mode()
def test_reference_inner_layers_are_those_before_the_next_works_in_place(trained):
    network, file = trained
    seen = {}
    for name in ("bn1", "layer2"):
        # bn1 is followed by a ReLU that works in place
        network.get_submodule(name).register_forward_hook(lambda *a, name=name: seen.update({name: a[2].clone()}))
    network(normalised(network, images()))
    for name, maps in seen.items():
        ours = Pretrained("test_resnet", crop=32, weights=file, layer=name)
        torch.testing.assert_close(ours(images()), maps.amax((2, 3)))
    assert (seen["bn1"] < 0).any()
    mean = Pretrained("test_resnet", crop=32, weights=file, layer="bn1", pooling="mean")
    torch.testing.assert_close(mean(images()), seen["bn1"].mean((2, 3)))


@torch.inference_mode()
def test_reference_tokens_and_channels_that_come_last():
    tokens = Pretrained("test_vit", crop=32, weights="random", pooling="mean")
    assert tokens.size == timm.data.resolve_model_data_config(tokens.network)["input_size"][-1]
    larger = torch.nn.functional.interpolate(images(), (tokens.size, tokens.size), mode="bilinear", antialias=True)
    maps = tokens.network.forward_features(normalised(tokens.network, larger))
    torch.testing.assert_close(tokens(images()), maps[:, tokens.network.num_prefix_tokens :].mean(1))
    assert tokens.network.num_prefix_tokens == 1

    swin = Pretrained("swin_tiny_patch4_window7_224", crop=224, weights="random")
    assert swin.n_features == swin.network.num_features


def test_anchor_layer_of_the_paper():
    with torch.device("meta"):
        layers = dict(timm.create_model("vgg16").named_modules())
    convolutions = [
        name for name, module in layers.items() if name.startswith("features.") and isinstance(module, torch.nn.Conv2d)
    ]
    # blocks hold 2, 2, 3, 3, 3
    assert convolutions[7] == "features.17"
    assert layers["features.17"].out_channels == 512
    assert isinstance(layers["features.16"], torch.nn.MaxPool2d)
    assert isinstance(layers["features.18"], torch.nn.ReLU)


def test_property_seeds_make_random_weights_and_leave_other_streams_alone():
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, again, other = (Pretrained("test_resnet", crop=32, weights="random", seed=seed) for seed in (1, 1, 2))
    assert torch.rand(1) == expected
    with torch.inference_mode():
        torch.testing.assert_close(first(images()), again(images()))
        assert not torch.allclose(first(images()), other(images()))
    assert first.source == "random"
    assert not any(weight.requires_grad for weight in first.parameters())


def test_property_a_file_needs_no_more_than_the_layers_used(trained, tmp_path):
    network, file = trained
    whole = network.state_dict()
    early = {name: value for name, value in whole.items() if not name.startswith(("layer3", "layer4", "fc"))}
    torch.save({"state_dict": {**early, "fc.weight": torch.zeros(7, 5)}}, tmp_path / "early.pth")
    ours = Pretrained("test_resnet", crop=32, weights=tmp_path / "early.pth", layer="layer2")
    expected = Pretrained("test_resnet", crop=32, weights=file, layer="layer2")
    with torch.inference_mode():
        torch.testing.assert_close(ours(images()), expected(images()))
    with pytest.raises(ValueError, match=r"not those of 'test_resnet': \d+ of \d+ are missing .*'layer3"):
        Pretrained("test_resnet", crop=32, weights=tmp_path / "early.pth")
    with pytest.raises(ValueError, match="not those of 'test_vit'"):
        Pretrained("test_vit", crop=32, weights=file)


@pytest.mark.parametrize(
    ("name", "options", "error", "match"),
    [
        (3, {}, TypeError, "model_name must be a str, got 3"),
        ("resnet1x", {}, ValueError, r"model_name='resnet1x' is no network of timm .*near are 'resnet18'"),
        (
            "test_resnet",
            {"layer": "layer9"},
            ValueError,
            r"got 'layer9'. Near are 'layer.*There are 'conv1', .*'layer1.0'",
        ),
        ("test_vit", {"size": 64}, ValueError, "size=64, but 'test_vit' sees 160 x 160 pixels only. Leave size out"),
        (
            "test_resnet",
            {"weights": "no/such.pth"},
            FileNotFoundError,
            r"weights='no/such.pth' is no file. Give one of .safetensors",
        ),
        (
            "vgg11",
            {"crop": 8},
            ValueError,
            r"'vgg11' cannot take images of 8 x 8 pixels .*Set size, for example to 224",
        ),
    ],
)
def test_error(name, options, error, match):
    with pytest.raises(error, match=match):
        Pretrained(name, **{"crop": 32, "weights": "random", **options})


@pytest.mark.parametrize("name", ["weights.pth", "weights.safetensors"])
def test_error_file_is_none_of_weights(name, tmp_path):
    (tmp_path / name).write_bytes(b"no weights at all")
    with pytest.raises(ValueError, match=r"weights=.*holds no weights that can be read"):
        Pretrained("test_resnet", crop=32, weights=tmp_path / name)


def test_error_pickled_code_is_not_run(tmp_path):
    torch.save({"state_dict": np.random.default_rng(0)}, tmp_path / "weights.pth")
    with pytest.raises(ValueError, match=r"weights=.*holds no weights that can be read"):
        Pretrained("test_resnet", crop=32, weights=tmp_path / "weights.pth")


def test_error_without_a_network(monkeypatch):
    def offline(*args, **kwargs):
        raise OSError("Name or service not known")

    monkeypatch.setattr(timm, "create_model", offline)
    with pytest.raises(RuntimeError, match=r"'test_resnet' could not be downloaded \(Name or.*set weights to a file"):
        Pretrained("test_resnet", crop=32)
