import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file

import crepr as cr
from crepr.models._pretrained import Pretrained


def embed(data, **options):
    return cr.tl.embed_pretrained(
        data, "test_resnet", **{"weights": "random", "device": "cpu", "progress": False, **options}
    )


@torch.inference_mode()
def test_reference_is_timm_on_the_crops(adata, tmp_path):
    torch.manual_seed(5)
    network = timm.create_model("test_resnet").eval()
    save_file(network.state_dict(), tmp_path / "weights.safetensors")
    assert embed(adata, weights=tmp_path / "weights.safetensors", pooling="mean", batch_size=7) is None
    config = timm.data.resolve_model_data_config(network)
    mean, std = (torch.tensor(config[key])[:, None, None] for key in ("mean", "std"))
    crops = torch.from_numpy(cr.get.crops(adata).astype(np.float32))
    expected = [network.forward_features((crops[:, [i] * 3] - mean) / std).mean((2, 3)) for i in range(2)]
    found = adata.obsm["X_test_resnet"]
    np.testing.assert_allclose(found, torch.cat(expected, 1), atol=1e-4)
    assert found.dtype == np.float32
    entry = adata.uns["X_test_resnet"]
    assert len(entry["features"]) == found.shape[1]
    assert entry["features"][[0, -1]].tolist() == ["dapi:0", f"membrane:{found.shape[1] // 2 - 1}"]
    assert entry["params"]["size"] == 16
    assert entry["params"]["source"].endswith("weights.safetensors")


def test_property_channels_one_by_one_are_those_of_all(adata):
    embed(adata)
    embed(adata, channels=["membrane"], key_added="membrane")
    embed(adata, channels=["membrane", "dapi"], key_added="turned")
    both, width = adata.obsm["X_test_resnet"], adata.obsm["membrane"].shape[1]
    np.testing.assert_array_equal(adata.obsm["membrane"], both[:, width:])
    np.testing.assert_array_equal(adata.obsm["turned"], np.roll(both, width, 1))
    embed(adata, rgb=["membrane"] * 3, key_added="grey")
    np.testing.assert_array_equal(adata.obsm["grey"], adata.obsm["membrane"])
    assert adata.uns["grey"]["features"][0] == "rgb:0"


def test_property_order_subset_and_batches_do_not_matter(adata):
    embed(adata, batch_size=3, layer="layer2")
    some = adata[[7, 3, 30]].copy()
    del some.uns["X_test_resnet"], some.obsm["X_test_resnet"]
    embed(some, layer="layer2")
    np.testing.assert_allclose(some.obsm["X_test_resnet"], adata.obsm["X_test_resnet"][[7, 3, 30]], atol=1e-5)


def test_property_intensities_are_those_of_the_data(adata):
    copy = embed(adata, copy=True)
    assert "X_test_resnet" not in adata.obsm
    cr.pp.intensity(adata, progress=False)
    embed(adata)
    assert not np.allclose(copy.obsm["X_test_resnet"], adata.obsm["X_test_resnet"], atol=1e-3)


def test_anchor_written_to_what_holds_the_crops_and_to_files(mdata, tmp_path):
    embed(mdata)
    assert mdata["stain"].obsm["X_test_resnet"].shape[0] == 40
    mdata.write(tmp_path / "cells.h5mu")


def test_property_an_interruption_leaves_nothing(adata, monkeypatch):
    plain, seen = Pretrained.forward, []

    def interrupted(self, images):
        seen.append(len(images))
        if len(seen) == 4:
            raise KeyboardInterrupt
        return plain(self, images)

    monkeypatch.setattr(Pretrained, "forward", interrupted)
    with pytest.raises(KeyboardInterrupt):
        embed(adata, batch_size=8)
    assert "X_test_resnet" not in adata.obsm
    assert "X_test_resnet" not in adata.uns


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"channels": ["dapi"], "rgb": ["dapi"] * 3}, ValueError, "one by one and rgb=.* at once. Give one of them"),
        ({"rgb": ["dapi"]}, ValueError, "rgb must name three channels"),
        ({"channels": []}, ValueError, "channels must name at least one channel"),
        ({"channels": ["gfp"]}, ValueError, "gfp"),
        ({"pooling": "sum"}, ValueError, "pooling must be one of 'max', 'mean', got 'sum'"),
        ({"size": 0}, ValueError, "size must be at least 1"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"layer": "nothing"}, ValueError, "layer must be the name of a module"),
        ({"hide_neighbours": True}, KeyError, r"run cr\.pp\.masks first"),
        ({"key_added": "crops"}, ValueError, r"\.uns has an entry 'crops' that cr\.tl\.embed_pretrained did not write"),
        ({"device": "tpu"}, ValueError, "device must be"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        embed(adata, **options)


def test_error_without_crops(adata):
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr\.pp\.crops first"):
        embed(adata)
