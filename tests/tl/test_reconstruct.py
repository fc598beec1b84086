import numpy as np
import pytest

import crepr as cr


def test_anchor_shapes_and_ranges(adata, train):
    model = train(adata)
    pictures = cr.tl.reconstruct(adata, model, cells=["c5", "c2"])
    for side in ("inputs", "outputs"):
        assert pictures[side]["stain"].shape == (2, 2, 16, 16)
        assert pictures[side]["transcripts"].shape == (2, 3, 16, 16)
        assert all(0 <= array.min() <= array.max() <= 1 for array in pictures[side].values())
    assert set(np.unique(pictures["inputs"]["transcripts"])) == {0, 1}
    assert cr.tl.reconstruct(adata, model)["outputs"]["stain"].shape[0] == 16


def test_reference_inputs_are_the_crops(adata, train):
    model = train(adata, inputs="stain")
    pictures = cr.tl.reconstruct(adata, model, cells=[3, 8])
    np.testing.assert_allclose(pictures["inputs"]["stain"], cr.get.crops(adata, [3, 8]), atol=1e-6)


def test_property_batches_do_not_matter(adata, train):
    model = train(adata)
    whole, parts = (cr.tl.reconstruct(adata, model, batch_size=size) for size in (16, 3))
    for side in whole:
        for name in whole[side]:
            np.testing.assert_allclose(whole[side][name], parts[side][name], atol=1e-5)


def test_property_training_draws_closer(adata, train):
    def error(epochs):
        model = train(adata, inputs="stain", max_epochs=epochs, lr=0.01, beta=0.0)
        pictures = cr.tl.reconstruct(adata, model)
        return np.mean((pictures["inputs"]["stain"] - pictures["outputs"]["stain"]) ** 2)

    assert error(30) < 0.7 * error(1)


def test_error_unknown_cell(adata, train):
    model = train(adata, inputs="stain")
    with pytest.raises(KeyError, match="1 of 1 cells are not in obs_names: 'nobody'"):
        cr.tl.reconstruct(adata, model, cells=["nobody"])


def test_property_no_cells_no_pictures(adata, train):
    pictures = cr.tl.reconstruct(adata, train(adata, max_epochs=1), cells=[])
    assert pictures["inputs"]["stain"].shape == pictures["outputs"]["stain"].shape == (0, 2, 16, 16)
    assert pictures["inputs"]["transcripts"].shape == (0, 3, 16, 16)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, r"Give cr.load_model\('vae'\)"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1, got 0"),
        ({"device": "foo"}, ValueError, "device must be 'auto'.*got 'foo'"),
        ({"mod": "rna"}, ValueError, "mod='rna' needs a MuData"),
    ],
)
def test_error_bad_options(adata, train, options, error, match):
    model = train(adata, inputs="stain", max_epochs=1)
    with pytest.raises(error, match=match):
        cr.tl.reconstruct(adata, **{"model": model, **options})
