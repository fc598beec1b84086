import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from profile_models import profiles, train
from scipy.stats import pearsonr

import crepr as cr

OPTIONS = {"groupby": "drug", "control": "none"}


@pytest.fixture(scope="module")
def trained():
    adata = profiles()
    adata.obs["drug"] = pd.Categorical(np.tile(["none", "A", "B"], 20), ["none", "A", "B"])
    adata.obs["measured"] = np.arange(60) >= 12
    return adata, train(adata)


@pytest.fixture
def adata(trained):
    return trained[0].copy()


@pytest.fixture
def model(trained):
    return trained[1]


def run(adata, model, **options):
    cr.tl.reproducibility(adata, model, **{**OPTIONS, **options})
    return cr.get.reproducibility(adata).set_index("group")


def test_anchor_by_hand(adata):
    model = train(adata)
    model.encode = lambda view, *, cells, **options: (view.inputs["X"].read(cells).numpy()[:, :2], None)
    # what is drawn is the profile, but for the first of each group, which is drawn upside down, and the last one, a constant
    model.decode = lambda z, **options: {"X": drawn}
    x = np.repeat([[0.0, 0, 0, 0, 0, 0, 0, 0], [3, 4, 0, 0, 0, 0, 0, 0], [1, 0, 2, 0, 2, 0, 0, 0]], 20, axis=0)
    noise = np.tile([1.0, -1], 30)[:, None] * np.r_[0.1, -0.1, np.zeros(6)]
    adata.X = (x + noise)[np.arange(60).reshape(3, 20).T.ravel()].astype(np.float32)
    drawn = np.where(np.arange(60)[:, None] < 3, -1, 1) * adata.X
    drawn[-1] = 2
    with pytest.warns(UserWarning, match=r"1 of 60 profiles or their reconstructions are constant \('well 59'\)"):
        table = run(adata, model)
    assert table.index.tolist() == ["none", "A", "B"]
    assert table["n_obs"].tolist() == [20] * 3
    assert table["n_undefined"].tolist() == [0, 0, 1]
    np.testing.assert_allclose(table["reproducibility"], [1, 1, 1], rtol=1e-6)
    # a twentieth of one group is upside down, and nineteen of the last are left
    np.testing.assert_allclose(table["q05"][:2], [0.9, 0.9], rtol=1e-5)
    np.testing.assert_allclose(table["q95"], [1, 1, 1], rtol=1e-6)
    np.testing.assert_allclose(table["distinctness"], [0, 5, 3], atol=1e-5)
    np.testing.assert_allclose(table["distinctness_latent"], [0, 5, 1], atol=1e-5)
    # 0.01 in each of two columns, in 20 rows of both
    noise = 2 * 2 * 0.01 / 19
    np.testing.assert_allclose(table["distinctness_debiased"], [0, np.sqrt(25 - noise), np.sqrt(9 - noise)], atol=1e-5)


@pytest.mark.parametrize("name", ["vae", "conditional_vae"])
def test_reference_of_marked_profiles(adata, model, name):
    if name == "conditional_vae":
        model = train(adata, name, condition="plate", key_added="X_told")
    table = run(adata, model, cells="measured")
    rows = adata.obs["measured"].to_numpy()
    (drawn,) = cr.tl.reconstruct(adata, model, cells=rows)["outputs"].values()
    x, groups = adata.X[rows], adata.obs["drug"][rows].to_numpy()
    cr.tl.embed(adata, model, key_added="X_told")
    z = adata.obsm["X_told"][rows]
    for group in ("none", "A", "B"):
        mine = groups == group
        found = [pearsonr(*pair).statistic for pair in zip(x[mine], drawn[mine], strict=True)]
        shared = [pearsonr(row, x.mean(0)).statistic for row in x[mine]]
        expected = [np.median(found), *np.quantile(found, [0.05, 0.95]), np.median(shared)]
        columns = ["reproducibility", "q05", "q95", "baseline"]
        np.testing.assert_allclose(table.loc[group, columns].astype(float), expected, atol=1e-4)
        for column, values in (("distinctness", x), ("distinctness_latent", z)):
            expected = np.linalg.norm(values[mine].mean(0) - values[groups == "none"].mean(0))
            assert table.loc[group, column] == pytest.approx(expected, abs=1e-5)
    assert table["n_obs"].tolist() == [16] * 3
    assert adata.uns["reproducibility"]["params"]["n_measured"] == 48


def test_property_order_and_batches_do_not_matter(adata, model, rng):
    expected = run(adata, model)
    other = adata[rng.permutation(60)].copy()
    pd.testing.assert_frame_equal(run(other, model, batch_size=7), expected, atol=1e-5)


def test_copy_modalities_and_file(adata, model, tmp_path):
    labels = adata.obs.pop("drug")
    mdata = MuData({"morphology": adata})
    mdata.obs["drug"] = labels
    changed = cr.tl.reproducibility(mdata, model, key_added="mine", copy=True, **OPTIONS)
    assert "mine" not in mdata.uns
    # the column is in the MuData
    assert cr.get.reproducibility(changed, key_added="mine").shape == (3, 10)
    assert "mine" in changed.uns
    adata.obs["drug"] = labels
    run(adata, model, cells=("split", "test"))
    adata.write_h5ad(tmp_path / "found.h5ad")


def test_warns_of_small_groups(adata, model):
    adata.obs["drug"] = ["none"] * 55 + ["A"] * 4 + ["B"]
    with pytest.warns(UserWarning, match=r"Groups under 5 profiles: 'A \(4\)', 'B \(1\)'. Read them with care"):
        table = run(adata, model)
    assert np.isnan(table.loc["B", "distinctness_debiased"])
    assert table.drop(columns="distinctness_debiased").notna().all(axis=None)
    # a group without a measured profile has no row
    adata.obs["drug"] = ["B"] * 12 + ["none", "A"] * 24
    assert run(adata, model, cells="measured").index.tolist() == ["A", "none"]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, "model must be a TrainedModel"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"groupby": "dose"}, KeyError, "No 'dose' in .obs"),
        ({"control": "DMSO"}, KeyError, "No 'DMSO' in groupby='drug' .there are: 'none', 'A', 'B'"),
        ({"cells": "drug"}, TypeError, "cells='drug' must be a column of booleans"),
        ({"cells": "other"}, ValueError, "cells='other' marks no profile of control='none'. Mark some of each group"),
        ({"key_added": "taken"}, ValueError, "'taken' that cr.tl.reproducibility did not write"),
    ],
)
def test_error(adata, model, options, error, match):
    adata.obs["other"] = adata.obs["drug"] != "none"
    adata.uns["taken"] = 1
    with pytest.raises(error, match=match):
        run(adata, **{"model": model, **options})
    assert "reproducibility" not in adata.uns


def test_error_pictures_and_values(adata, model):
    adata.X[3, 1] = np.nan
    with pytest.raises(ValueError, match=r"inputs='X' holds NaN or infinite values in 1 of 60 cells \('well 3'\)"):
        run(adata, model)
    cells = cr.datasets.synthetic_cells(n_obs=20)
    pictures = cr.tl.train_vae(cells, max_epochs=1, n_latent=2, model_options={"widths": [2]}, progress=False)
    with pytest.raises(ValueError, match=r"draws 'stain', and no profiles. Call cr.tl.reconstruct to see pictures"):
        run(cells, pictures)
