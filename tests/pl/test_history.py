import anndata as ad
import matplotlib.pyplot as plt
import mudata as md
import numpy as np
import pandas as pd
import pytest

from crepr import pl


@pytest.fixture
def table():
    epochs = np.arange(12)
    loss = 100 * np.exp(-epochs / 3) + 20
    return pd.DataFrame(
        {
            "train_loss": loss,
            "train_stain_mse": loss - 1,
            "train_kl": 0.01 * loss,
            "val_loss": loss + (epochs - 5) ** 2,
            "val_stain_mse": loss,
            "val_kl": 0.01 * loss,
        },
        index=pd.RangeIndex(12, name="epoch"),
    )


@pytest.fixture
def data(table):
    adata = ad.AnnData(np.zeros((3, 0), dtype=np.float32))
    adata.uns["vae"] = {"history": table}
    return adata


def test_anchor_a_panel_per_term_with_both_stages_and_the_best_epoch(data, table):
    fig = pl.history(data)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["loss", "stain mse", "kl"]
    best = int(table["val_loss"].idxmin())
    for ax, term in zip(fig.axes, ["loss", "stain_mse", "kl"], strict=True):
        train, val, mark = ax.get_lines()
        np.testing.assert_array_equal(train.get_ydata(), table[f"train_{term}"])
        np.testing.assert_array_equal(val.get_ydata(), table[f"val_{term}"])
        assert list(mark.get_xdata()) == [best, best]
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "training",
        "validation",
        f"least loss (epoch {best})",
    ]


def test_anchor_without_validation_the_training_loss_decides(data, table):
    data.uns["vae"]["history"] = table[["train_kl", "train_loss"]]
    fig = pl.history(data)
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["loss", "kl"]
    assert fig.axes[0].get_lines()[-1].get_xdata()[0] == 11


def test_anchor_terms_rows_and_logarithm(data):
    fig = pl.history(data, terms=["kl", "loss"], ncols=1, log=True, figsize=(3, 4))
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["kl", "loss"]
    assert [ax.get_xlabel() for ax in fig.axes] == ["", "epoch"]
    assert {ax.get_yscale() for ax in fig.axes} == {"log"}
    assert fig.get_size_inches().tolist() == [3, 4]
    fig.canvas.draw()
    assert all(len(ax.get_yticks()) >= 2 for ax in fig.axes)


def test_anchor_settings_of_matplotlib_stay(data):
    before = dict(plt.rcParams)
    pl.history(data)
    assert dict(plt.rcParams) == before


def test_property_model_and_modality_show_the_same(data, table):
    class Model:
        history = table

    mdata = md.MuData({"stain": data, "rna": ad.AnnData(np.zeros((3, 0), dtype=np.float32))})
    for shown in (Model(), mdata):
        lines = pl.history(shown).axes[0].get_lines()
        np.testing.assert_array_equal(lines[0].get_ydata(), table["train_loss"])


def test_property_legend_of_many_models_is_not_cut(data, faults):
    names = {f"model {i}": f"Fibroblast (Pdgfra-high, telocyte) {i}" for i in range(6)}
    spec = '{"inputs": {"stain": {}}}'
    for key in names:
        data.uns[key] = {**data.uns["vae"], "spec": spec}
    assert not faults(pl.history(data, key_added=names))
    assert not faults(pl.history(data, terms=["loss"]))


def test_error(data, table):
    with pytest.raises(KeyError, match=r"No 'dice' in the history \(there are: 'loss', 'stain_mse', 'kl'\)"):
        pl.history(data, terms=["dice"])
    with pytest.raises(KeyError, match=r"No 'other' in .uns .*Run cr.tl.train_vae first"):
        pl.history(data, key_added="other")
    with pytest.raises(
        TypeError, match=r"data must be an AnnData, a MuData or a trained model, got object\. Give what"
    ):
        pl.history(object())
    mdata = md.MuData({"a": data, "b": data.copy()})
    with pytest.raises(ValueError, match=r"Several modalities have 'vae' in their \.uns: 'a', 'b'"):
        pl.history(mdata)
    data.uns["vae"]["history"] = table.iloc[:0]
    with pytest.raises(ValueError, match="holds no epoch"):
        pl.history(data)


def test_anchor_several_models_share_panels(data, table):
    spec = '{"inputs": {"%s": {}}}'
    data.uns["vae"] = {"history": table, "spec": spec % "stain"}
    control = table[["train_loss", "train_stain_mse"]].rename(columns={"train_stain_mse": "train_shuffled_mse"})
    data.uns["control"] = {"history": control + 1, "spec": spec % "shuffled"}
    fig = pl.history(data, key_added={"vae": "real", "control": "shuffled"})
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["loss", "mse", "kl"]
    first, held_out, other = fig.axes[1].get_lines()
    np.testing.assert_array_equal(first.get_ydata(), table["train_stain_mse"])
    np.testing.assert_array_equal(other.get_ydata(), table["train_stain_mse"] + 1)
    assert first.get_color() == held_out.get_color() != other.get_color()
    assert [line.get_linestyle() for line in (first, held_out, other)] == ["-", "--", "-"]
    texts = [text.get_text() for text in fig.legends[0].get_texts()]
    assert texts == ["real, training", "real, validation", "shuffled, training"]
