import numpy as np
import pytest
from matplotlib.colors import to_hex

import crepr as cr
from crepr import pl, tl

SIZE = 16


@pytest.fixture(scope="module")
def trained():
    adata = cr.datasets.synthetic_cells(n_obs=20, size=SIZE)
    options = {"max_epochs": 1, "n_latent": 3, "batch_size": 10, "model_options": {"widths": (4, 8)}}
    return adata, cr.tl.train_vae(adata, **options, progress=False, accelerator="cpu")


@pytest.fixture(autouse=True)
def _walk(monkeypatch):
    """Pictures whose first channel grows from walk to walk, and the second from step to step."""
    real = tl.traverse

    def traverse(*args, **options):
        result = real(*args, **options)
        pictures = result["outputs"]["stain"]
        n_walks, n_steps = pictures.shape[:2]
        pictures[:, :, 0] = np.linspace(0.2, 0.8, n_walks)[:, None, None, None]
        pictures[:, :, 1] = np.linspace(0, 1, n_steps)[None, :, None, None]
        return result

    monkeypatch.setattr(tl, "traverse", traverse)


def test_anchor_a_walk_is_a_row(trained):
    colors = {"membrane": "#ff0000", "protein": "#0000ff"}
    fig = pl.traverse(*trained, which=[2, 0], n_steps=3, span=(0.1, 0.9), colors=colors)
    ax = fig.axes[0]
    image = ax.get_images()[0].get_array()
    step = SIZE + 1
    assert image.shape[:2] == (2 * step - 1, 3 * step - 1)
    for walk, red in enumerate((0.2, 0.8)):
        for place, blue in enumerate((0, 0.5, 1)):
            pixel = image[walk * step + 5, place * step + 5, :3].astype(int)
            np.testing.assert_allclose(pixel, [255 * red, 0, 255 * blue], atol=1)
    assert [label.get_text() for label in ax.get_yticklabels()] == ["latent 2", "latent 0"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["10 %", "50 %", "90 %"]
    np.testing.assert_allclose(ax.get_yticks(), [SIZE / 2, step + SIZE / 2])
    footer = fig.axes[-1]
    assert [text.get_text() for text in footer.texts] == ["5 px", "membrane", "protein"]
    assert [to_hex(patch.get_facecolor()) for patch in footer.patches] == ["#ff0000", "#0000ff"]


def test_anchor_components(trained):
    fig = pl.traverse(*trained, along="components", n_walks=1, n_steps=2, figsize=(4, 3), scale_bar=False)
    assert [text.get_text() for text in fig.axes[-1].texts] == ["membrane", "protein"]
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["component 0"]
    assert fig.get_size_inches().tolist() == [4, 3]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, r"model must be a TrainedModel, got 'vae'. Give cr.load_model\('vae'\)"),
        ({"colors": {"DAPI": "red"}}, KeyError, "No 'DAPI' in the channels of the model.*Give colors for these"),
        ({"colors": {"membrane": "reddish"}}, ValueError, "'reddish' for channel 'membrane'"),
        ({"n_steps": 1}, ValueError, "n_steps must be at least 2"),
        ({"cell": "nobody"}, KeyError, "'nobody'"),
        ({"steps": 3}, TypeError, "'steps'"),
    ],
)
def test_error(trained, options, error, match):
    adata, model = trained
    with pytest.raises(error, match=match):
        pl.traverse(adata, **{"model": model, **options})


def test_error_no_latents_or_stains(trained, monkeypatch):
    adata, model = trained
    bare = adata.copy()
    del bare.obsm["X_vae"]
    with pytest.raises(KeyError, match=r"No 'X_vae' in .obsm.*Run cr.tl.embed"):
        pl.traverse(bare, model)
    monkeypatch.setattr(type(model.spec), "inputs", {"transcripts": None}, raising=False)
    monkeypatch.delitem(model.spec.__dict__, "inputs")
    with pytest.raises(ValueError, match=r"The model draws 'transcripts', .* Call cr.tl.traverse for the planes"):
        pl.traverse(adata, model)
