import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex

import crepr as cr
from crepr import get, pl, tl
from crepr.train._trained_model import TrainedModel

SIDE, GAP, SPACE = 16, 1, 2  # pixels of a picture, between input and output, between cells
GENES = ("Actb", "Gapdh", "Vim", "Sox2")


class Model(TrainedModel):
    """What a figure asks of a trained model."""

    def __init__(self, *names, view=None):
        self.spec = type("Spec", (), {"inputs": dict.fromkeys(names), "view": view or {"name": "identity"}})

    def channels(self, name):
        return {"stain": ("DAPI", "membrane"), "transcripts": GENES}[name]


@pytest.fixture
def adata(adata):
    # which cells there are is all that a figure takes from it
    adata.obsm["transcripts"] = pd.DataFrame({"start": 0, "stop": 0}, index=adata.obs_names)
    return adata


SPOTS = "transcripts (full colour: probability 0.5)"


@pytest.fixture(autouse=True)
def _reconstruct(monkeypatch):
    """Outputs are inputs at half their value; cell i has i + 1 spots of the first gene and one of the third."""

    def reconstruct(data, model, *, cells):
        adata = data if "crops" in data.obsm else data["stain"]
        inputs = {}
        if "stain" in model.spec.inputs:
            inputs["stain"] = get.crops(adata, cells)
        if "transcripts" in model.spec.inputs:
            planes = np.zeros((len(cells), len(GENES), SIDE, SIDE), dtype=np.float32)
            for row, cell in enumerate(cells):
                planes[row, 0].flat[: cell + 1] = 1
                planes[row, 2, -1, -1] = 1
            inputs["transcripts"] = planes
        shown = {"inputs": inputs, "targets": inputs, "outputs": {name: values / 2 for name, values in inputs.items()}}
        versions = model.spec.view.get("sees", ())
        if versions:
            seen = {name: inputs["stain"] * (i + 1) / 4 for i, name in enumerate(versions)}
            return {**shown, "inputs": seen}
        return shown

    monkeypatch.setattr(tl, "reconstruct", reconstruct, raising=False)


def image_of(fig):
    return fig.axes[0].get_images()[0].get_array()


def footer_of(fig):
    texts, patches = fig.axes[-1].texts, fig.axes[-1].patches
    return [text.get_text() for text in texts], [to_hex(patch.get_facecolor()) for patch in patches]


def test_anchor_input_beside_output(adata):
    fig = pl.reconstruction(adata, Model("stain"), cells=["cell3", "cell20"])
    image = image_of(fig)
    assert image.shape == (SIDE, 4 * SIDE + 2 * GAP + SPACE, 4)
    expected = get.crops(adata, ["cell3", "cell20"])
    blue = np.array([0x3B, 0x6F, 0xFF])
    for cell, left in enumerate((0, 2 * SIDE + GAP + SPACE)):
        nucleus = expected[cell, 0] == 1
        assert (image[:, left : left + SIDE, :3][nucleus] == blue).all()
        output = image[:, left + SIDE + GAP : left + 2 * SIDE + GAP, :3][nucleus]
        np.testing.assert_allclose(output, np.broadcast_to(blue / 2, output.shape), atol=0.5)
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["input", "output"] * 2
    assert footer_of(fig) == (["2 µm", "stain", "DAPI", "membrane"], ["#3b6fff", "#ffb000"])


def test_anchor_both_inputs_below_each_other(adata):
    fig = pl.reconstruction(adata, Model("stain", "transcripts"), n=6, ncols=3)
    assert [label.get_text() for label in fig.axes[0].get_yticklabels()] == ["stain", "transcripts"] * 2
    assert image_of(fig).shape == (4 * SIDE + 2 * GAP + SPACE, 6 * SIDE + 3 * GAP + 2 * SPACE, 4)


def test_anchor_genes_with_most_spots_have_colours(adata):
    fig = pl.reconstruction(adata, Model("transcripts"), cells=[4], n_genes=1)
    texts, colors = footer_of(fig)
    assert texts == ["2 µm", SPOTS, "Actb", "other genes"]
    image = image_of(fig)
    assert [to_hex(pixel / 255) for pixel in image[0, :6, :3]] == [colors[0]] * 5 + ["#000000"]
    # the third gene has no colour of its own
    assert to_hex(image[SIDE - 1, SIDE - 1, :3] / 255) == colors[1]


def test_anchor_the_highest_probability_has_the_full_colour(adata):
    image = image_of(pl.reconstruction(adata, Model("transcripts"), cells=[4], n_genes=1, scale_bar=False))
    # outputs are half of the inputs
    np.testing.assert_array_equal(image[:SIDE, SIDE + GAP : 2 * SIDE + GAP], image[:SIDE, :SIDE])


def test_anchor_genes_without_spots_are_left_out(adata):
    assert footer_of(pl.reconstruction(adata, Model("transcripts"), cells=[4]))[0][2:] == ["Actb", "Vim", "other genes"]


def test_anchor_genes_and_colours_by_name(adata):
    model = Model("stain", "transcripts")
    fig = pl.reconstruction(adata, model, cells=[4], genes=["Sox2", "Vim"], colors={"Vim": "red", "DAPI": "cyan"})
    assert footer_of(fig) == (
        ["2 µm", "stain", "DAPI", "membrane", SPOTS, "Sox2", "Vim", "other genes"],
        ["#00ffff", "#ffb000", "#e69f00", "#ff0000", "#5a5a5a"],
    )
    all_genes = pl.reconstruction(adata, Model("transcripts"), cells=[4], genes=GENES)
    assert "other genes" not in footer_of(all_genes)[0]


def test_anchor_transcripts_of_another_modality_have_the_bar_of_the_crops(mdata):
    del mdata["stain"].obsm["transcripts"]
    mdata["rna"].obsm["transcripts"] = pd.DataFrame({"start": 0, "stop": 0}, index=mdata.obs_names)
    assert footer_of(pl.reconstruction(mdata, Model("transcripts"), cells=[4]))[0][0] == "2 µm"
    mdata["rna"].obs_names = [f"other{i}" for i in range(30)]
    assert footer_of(pl.reconstruction(mdata, Model("transcripts"), cells=[4]))[0][0] == "5 px"


def test_property_cells_of_a_modality_and_seed(adata, mdata):
    shown = image_of(pl.reconstruction(adata, Model("stain"), n=5, rng=3))
    np.testing.assert_array_equal(image_of(pl.reconstruction(mdata, Model("stain"), n=5, rng=3)), shown)
    assert (image_of(pl.reconstruction(adata, Model("stain"), n=5, rng=4)) != shown).any()


def corrected(*invariant_to, sees=None):
    view = {"name": "corrected", "source": "stain", "invariant_to": list(invariant_to)}
    return Model("stain", view={**view, "sees": sees or {name: [name] for name in invariant_to}})


def test_anchor_what_each_encoder_sees_beside_the_corrected_cell(adata):
    fig = pl.reconstruction(adata, corrected("rotation", "polarity"), cells=["cell20"])
    names = ["rotation", "polarity", "corrected", "output"]
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == names
    image = image_of(fig)
    assert image.shape == (SIDE, 4 * SIDE + 3 * GAP, 4)
    nucleus = get.crops(adata, ["cell20"])[0, 0] == 1
    blue = np.array([0x3B, 0x6F, 0xFF])
    for i, share in enumerate((1 / 4, 2 / 4, 1, 1 / 2)):
        shown = image[:, i * (SIDE + GAP) : i * (SIDE + GAP) + SIDE, :3][nucleus]
        np.testing.assert_allclose(shown, np.broadcast_to(blue * share, shown.shape), atol=0.51)
    assert footer_of(fig)[0] == ["2 µm", "stain", "DAPI", "membrane"]


def test_anchor_one_encoder_sees_the_input(adata):
    fig = pl.reconstruction(adata, corrected("rotation", sees={"stain": ["rotation"]}), cells=["cell3", "cell20"])
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == ["input", "corrected", "output"] * 2


@pytest.mark.parametrize("nuisance", ["size", "shape"])
def test_anchor_cells_made_equally_large_have_no_scale(adata, nuisance):
    assert footer_of(pl.reconstruction(adata, corrected("rotation", nuisance), n=2))[0] == ["stain", "DAPI", "membrane"]


def test_property_trained_model_of_corrected_cells(monkeypatch):
    monkeypatch.undo()  # the real reconstruct
    adata = cr.datasets.synthetic_cells(n_obs=12, size=SIDE)
    cr.pp.pose(adata, progress=False)
    options = {"max_epochs": 1, "n_latent": 2, "batch_size": 12, "model_options": {"widths": (4, 8), "hidden": 8}}
    model = tl.train_mevae(adata, invariant_to=["rotation", "shape"], **options, progress=False, accelerator="cpu")
    fig = pl.reconstruction(adata, model, n=3, ncols=3)
    names = ["rotation", "shape", "corrected", "output"]
    assert [label.get_text() for label in fig.axes[0].get_xticklabels()] == names * 3


def test_error_no_model(adata):
    with pytest.raises(TypeError, match=r"model must be a TrainedModel, got 'vae'. Give cr.load_model\('vae'\)"):
        pl.reconstruction(adata, "vae")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"cells": ["cell99"]}, KeyError, "'cell99'"),
        ({"cells": []}, ValueError, "cells holds no cell"),
        ({"n": 0}, ValueError, "n must be at least 1"),
        ({"ncols": 0}, ValueError, "ncols must be at least 1"),
        ({"n_genes": 0}, ValueError, "n_genes must be at least 1"),
        ({"genes": ["Sox3"]}, KeyError, "No 'Sox3' in the model's genes"),
        ({"colors": {"Sox3": "red"}}, KeyError, "No 'Sox3' in the channels of the model"),
        ({"colors": {"Sox2": "reddish"}}, ValueError, "'reddish' for 'Sox2'"),
    ],
)
def test_error(adata, options, error, match):
    with pytest.raises(error, match=match):
        pl.reconstruction(adata, Model("stain", "transcripts"), **options)


def test_error_nothing_registered(adata):
    del adata.obsm["crops"]
    with pytest.raises(KeyError, match=r"Run cr.pp.crops first"):
        pl.reconstruction(adata, Model("stain"))
