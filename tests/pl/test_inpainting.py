import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

import crepr as cr

COLUMNS = ["source", "markers", "drawn", "truth", "other source", "drawn"]


@pytest.fixture(scope="module")
def trained():
    adata = cr.datasets.synthetic_cells(n_obs=24, size=16, n_classes=3)
    adata.obs["image"] = adata.obs["class"]
    model = cr.tl.train_inpainting(
        adata, markers="membrane", proteins="protein", image_key="image", width=0.05, max_epochs=1, progress=False
    )
    return adata, model


def test_columns_and_rows(trained):
    adata, model = trained
    fig = cr.pl.inpainting(adata, model, groupby="class", n=3)
    ax = fig.axes[0]
    assert [label.get_text() for label in ax.get_xticklabels()] == COLUMNS
    assert [label.get_text() for label in ax.get_yticklabels()] == ["diffuse", "puncta", "stripes"]
    texts = [text.get_text() for text in fig.axes[-1].texts]
    assert {"membrane", "protein"} <= set(texts)


def test_targets_by_name_and_side_by_side(trained):
    adata, model = trained
    names = ["cell_02", "cell_07", "cell_09"]
    tall, wide = (
        cr.pl.inpainting(adata, model, targets=names, ncols=ncols).axes[0].images[0].get_array() for ncols in (1, 3)
    )
    assert tall.shape[0] > wide.shape[0]
    assert wide.shape[1] > tall.shape[1]
    # the second picture of a row: the markers of the target
    crop = cr.get.crops(adata, cells=["cell_02"], channels=["membrane"])[0, 0].astype(float)
    expected = (crop - crop.min()) / (crop.max() - crop.min())
    shown = np.asarray(tall)[:16, 17:33, :3].max(2) / 255
    assert np.corrcoef(shown.ravel(), expected.ravel())[0, 1] > 0.95


def test_cells_of_another_data_set_have_another_column(trained):
    adata, model = trained
    other = adata.copy()
    other.obs["field"] = other.obs.pop("image")
    names = ["cell_02", "cell_07"]
    expected, found = (
        np.asarray(cr.pl.inpainting(data, model, targets=names, image_key=key).axes[0].images[0].get_array())
        for data, key in ((adata, None), (other, "field"))
    )
    np.testing.assert_array_equal(found, expected)
    with pytest.raises(KeyError, match="No 'image' in .obs .*Set image_key to one of them"):
        cr.pl.inpainting(other, model)


def test_other_sources_are_of_another_group(trained):
    from crepr.pl._inpainting import _draw_sources

    images = np.array([0, 0, 1, 1, 2, 2])
    apart = np.array([0, 0, 0, 0, 1, 1])
    names = pd.Index(list("abcdef"))
    for seed in range(10):
        beside, elsewhere = _draw_sources(0, images, apart, names, np.random.default_rng(seed))
        assert beside == 1
        assert elsewhere in (4, 5)


def test_error(trained):
    adata, model = trained
    with pytest.raises(ValueError, match="targets holds no cell"):
        cr.pl.inpainting(adata, model, targets=[])
    one = adata[adata.obs["class"] == "puncta"].copy()
    with pytest.raises(ValueError, match="There is no other image"):
        cr.pl.inpainting(one, model)
    lone = adata[[*range(1, 24)]].copy()
    lone.obs["image"] = pd.Categorical(["x", *["y"] * 22])
    with pytest.raises(ValueError, match="'cell_02' is alone in its image"):
        cr.pl.inpainting(lone, model, targets=["cell_02"])
    with pytest.raises(ValueError, match=r"Use cr\.pl\.inpainting"):
        cr.pl.reconstruction(adata, model)
    with pytest.raises(TypeError, match="model must be a TrainedModel"):
        cr.pl.inpainting(adata, "model")
    plt.close("all")
