import numpy as np
import pandas as pd
import pytest
from mudata import MuData
from profile_models import profiles, train
from scipy.stats import wasserstein_distance
from sklearn.decomposition import PCA
from sklearn.metrics import mean_squared_error, r2_score

import crepr as cr

PARTS = {"cells": ("split", "test"), "fit_on": ("split", "train")}
METRICS = ["mse", "r2", "wasserstein_feature", "wasserstein_profile"]


@pytest.fixture(scope="module")
def trained():
    adata = profiles()
    cr.pp.shuffle_features(adata, groupby="split")
    return adata, train(adata), train(adata, inputs="shuffled", key_added="X_shuffled")


@pytest.fixture
def adata(trained):
    return trained[0].copy()


@pytest.fixture
def model(trained):
    return trained[1]


@pytest.fixture
def shuffled(trained):
    return trained[2]


def find(adata, profiles, model, key="reconstruction_metrics"):
    table = adata.uns[key]["results"]
    return table[(table["profiles"] == profiles) & (table["model"] == model)].set_index("metric")


def check(found, truth, drawn):
    """The oracle: each measure from its own package."""
    assert found["mean"]["mse"] == pytest.approx(mean_squared_error(truth, drawn), rel=1e-4)
    r2 = r2_score(truth, drawn, multioutput="raw_values")
    assert found["mean"]["r2"] == pytest.approx(r2.mean(), abs=1e-4)
    by_profile = [wasserstein_distance(*pair) for pair in zip(truth, drawn, strict=True)]
    by_feature = [wasserstein_distance(*pair) for pair in zip(truth.T, drawn.T, strict=True)]
    for metric, values in (("wasserstein_profile", by_profile), ("wasserstein_feature", by_feature), ("r2", r2)):
        assert found["mean"][metric] == pytest.approx(np.mean(values), abs=1e-5)
        assert found["q05"][metric] == pytest.approx(np.quantile(values, 0.05), abs=1e-4)
        assert found["q95"][metric] == pytest.approx(np.quantile(values, 0.95), abs=1e-4)
    assert found["n"].to_dict() == dict(zip(METRICS, (len(truth), 8, 8, len(truth)), strict=True))


def test_reference_model_and_components_of_real_and_shuffled(adata, model, shuffled):
    cr.tl.reconstruction_metrics(adata, model, shuffled=shuffled, **PARTS)
    test = (adata.obs["split"] == "test").to_numpy()
    for kind, x, each in (("real", adata.X, model), ("shuffled", adata.layers["shuffled"], shuffled)):
        (drawn,) = cr.tl.reconstruct(adata, each, cells=test)["outputs"].values()
        check(find(adata, kind, "vae"), x[test], drawn)
        pca = PCA(2).fit(x[~test].astype(float))
        check(find(adata, kind, "pca"), x[test], pca.inverse_transform(pca.transform(x[test].astype(float))))
    features = adata.uns["reconstruction_metrics"]["features"]
    assert features.shape == (32, 6)
    assert features["r2"][:8].mean() == pytest.approx(find(adata, "real", "vae")["mean"]["r2"])
    # two factors are two components; of shuffled features these are two of eight
    assert find(adata, "real", "pca")["mean"]["r2"] > find(adata, "shuffled", "pca")["mean"]["r2"] + 0.3
    params = adata.uns["reconstruction_metrics"]["params"]
    assert (params["n_measured"], params["n_fitted"], params["n_components"]) == (20, 40, 2)


def test_anchor_all_components_are_the_profiles(adata, model):
    with pytest.warns(UserWarning, match="60 of 60 profiles that are measured are among those"):
        cr.tl.reconstruction_metrics(adata, model, n_components=8)
    found = find(adata, "real", "pca")
    np.testing.assert_allclose(found["mean"][METRICS], [0, 1, 0, 0], atol=1e-5)


def test_constant_features_have_no_r2(adata, model):
    adata.X[::3, 2] = 0.5
    with pytest.warns(UserWarning, match="1 features are constant in the 20 profiles that are measured.*'feature 2'"):
        cr.tl.reconstruction_metrics(adata, model, **PARTS)
    assert find(adata, "real", "vae")["n"]["r2"] == 7
    assert np.isfinite(adata.uns["reconstruction_metrics"]["results"]["mean"]).all()


def test_property_order_and_batches_do_not_matter(adata, model, shuffled, rng):
    cr.tl.reconstruction_metrics(adata, model, shuffled=shuffled, **PARTS)
    other = adata[rng.permutation(60)].copy()
    cr.tl.reconstruction_metrics(other, model, shuffled=shuffled, batch_size=7, **PARTS)
    for table in ("results", "features"):
        pd.testing.assert_frame_equal(
            *(each.uns["reconstruction_metrics"][table] for each in (adata, other)), rtol=1e-4, atol=1e-6
        )


def test_property_other_models_copy_and_modality(adata, tmp_path):
    mdata = MuData({"morphology": adata})
    for name, options in (("conditional_vae", {"condition": "plate"}), ("denoising_autoencoder", {})):
        model = train(adata, name, key_added=f"X_{name}", **options)
        changed = cr.tl.reconstruction_metrics(mdata, model, mod="morphology", key_added=name, copy=True, **PARTS)
        assert changed["morphology"].uns[name]["results"]["model"].unique().tolist() == [name, "pca"]
        assert name not in adata.uns
    changed["morphology"].write_h5ad(tmp_path / "metrics.h5ad")


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, "model must be a TrainedModel"),
        ({"shuffled": "vae"}, TypeError, "model must be a TrainedModel"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"n_components": 9}, ValueError, "n_components=9 is more than the 8"),
        ({"cells": ("split", "validation")}, ValueError, "no observation has this value; there are 'test', 'train'"),
        ({"cells": "none"}, ValueError, "cells='none' marks no profile"),
        ({"fit_on": "none"}, ValueError, "n_components=2 is more than the 0 of 0 rows"),
        ({"cells": "split"}, TypeError, "cells='split' must be a column of booleans"),
        ({"key_added": "taken"}, ValueError, "did not write"),
    ],
)
def test_error(adata, model, options, error, match):
    adata.obs["none"] = False
    adata.uns["taken"] = 1
    with pytest.raises(error, match=match):
        cr.tl.reconstruction_metrics(adata, **{"model": model, **PARTS, **options})
    assert "reconstruction_metrics" not in adata.uns


def test_error_shuffled(adata, model, shuffled):
    with pytest.raises(ValueError, match=r"shuffled reads 'X', as model does.*cr.pp.shuffle_features\(data\)"):
        cr.tl.reconstruction_metrics(adata, model, shuffled=model, **PARTS)
    adata.obsm["other"] = adata.X[:, :5]
    other = train(adata, inputs="other", key_added="X_other")
    with pytest.raises(ValueError, match="shuffled has 5 features and model 8, and they are not the same"):
        cr.tl.reconstruction_metrics(adata, model, shuffled=other, **PARTS)
    adata.X[0, 0] = np.nan
    with pytest.raises(ValueError, match=r"inputs='X' holds NaN or infinite values in 1 of 20 cells \('well 0'\)"):
        cr.tl.reconstruction_metrics(adata, model, **PARTS)
