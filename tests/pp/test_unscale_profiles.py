import anndata as ad
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import crepr as cr


def profiles(seed=0, n=40, p=5):
    x = np.random.default_rng(seed).normal(7, 3, (n, p))
    obs, var = (pd.DataFrame(index=[f"{name}{i}" for i in range(k)]) for name, k in (("well", n), ("feature", p)))
    return ad.AnnData(x, obs=obs, var=var)


def test_anchor_by_hand():
    train = ad.AnnData(np.array([[1.0], [2], [3], [4], [5]]))
    cr.pp.scale_profiles(train)
    simulated = ad.AnnData(np.array([[0.0], [0.5], [2]]))
    assert cr.pp.unscale_profiles(simulated, like=train, key_added="units") is None
    np.testing.assert_allclose(simulated.layers["units"][:, 0], [1, 3, 9])
    np.testing.assert_array_equal(simulated.X[:, 0], [0, 0.5, 2])
    assert simulated.uns["units"]["params"]["method"] == "minmax"


@given(st.integers(0, 2**32 - 1), st.sampled_from(["minmax", "standard", "mad"]))
def test_property_inverse_of_any_place(seed, method):
    adata = profiles(seed)
    adata.layers["raw"], adata.obsm["X_cp"] = adata.X.copy(), adata.X.copy()
    cr.pp.scale_profiles(adata, method=method, layer="raw", key_added="one")
    cr.pp.scale_profiles(adata, method=method, use_rep="X_cp", key_added="two")
    # with several records, that of the very place
    cr.pp.unscale_profiles(adata, layer="one", key_added="back")
    cr.pp.unscale_profiles(adata, use_rep="two", key_added="back_two")
    np.testing.assert_allclose(adata.layers["back"], adata.X)
    np.testing.assert_allclose(adata.obsm["back_two"], adata.X)


def test_reconstructions_without_names_are_taken_by_position():
    adata = profiles()
    x = adata.X.copy()
    cr.pp.scale_profiles(adata)
    adata.obsm["X_reconstructed"] = adata.X[:, :].copy()
    cr.pp.unscale_profiles(adata, use_rep="X_reconstructed", key_added="X_units")
    np.testing.assert_allclose(adata.obsm["X_units"], x)
    # again, over its own
    cr.pp.unscale_profiles(adata, use_rep="X_reconstructed", key_added="X_units")
    adata.obsm["X_few"] = adata.X[:, :2].copy()
    with pytest.raises(ValueError, match="2 columns without names, and there are parameters of 5"):
        cr.pp.unscale_profiles(adata, use_rep="X_few", key_added="few")
    adata.obsm["X_few"] = pd.DataFrame(adata.X[:, [3, 1]], index=adata.obs_names, columns=["feature3", "feature1"])
    cr.pp.unscale_profiles(adata, use_rep="X_few", key_added="few")
    np.testing.assert_allclose(adata.obsm["few"], x[:, [3, 1]])


def test_groups_of_simulated_profiles():
    train, simulated = profiles(n=20), profiles(1, n=6)
    train.obs["plate"] = ["a", "b"] * 10
    cr.pp.scale_profiles(train, groupby="plate", method="standard")
    simulated.obs["plate"] = ["b"] * 5 + ["a"]
    cr.pp.unscale_profiles(simulated, like=train, key_added="units")
    table = train.uns["scale_profiles"]["results"].set_index("group")
    for plate in "ab":
        rows, of = (simulated.obs["plate"] == plate).to_numpy(), table.loc[plate]
        wanted = simulated.X[rows] * of["scale"].to_numpy() + of["center"].to_numpy()
        np.testing.assert_allclose(simulated.layers["units"][rows], wanted)
    assert simulated.uns["units"]["params"]["groupby"] == "plate"


def test_groups_error():
    adata = profiles()
    adata.obs["plate"] = ["a", "b"] * 20
    cr.pp.scale_profiles(adata, groupby="plate")
    scaled = adata.X.copy()
    adata.obs["plate"] = ["a", "c", "d", "d"] * 10
    with pytest.raises(
        KeyError, match="2 of 3 groups of 'plate' have no parameters: 'c', 'd'. There are those of 'a', 'b'"
    ):
        cr.pp.unscale_profiles(adata)
    plate = adata.obs.pop("plate")
    with pytest.raises(KeyError, match=r"Parameters are those of groups of 'plate', and \.obs has no such column"):
        cr.pp.unscale_profiles(adata)
    adata.obs["plate"] = plate.where(plate != "d")
    with pytest.raises(ValueError, match="groupby='plate' is missing for 20 of 40"):
        cr.pp.unscale_profiles(adata)
    np.testing.assert_array_equal(adata.X, scaled)
    assert "scale_profiles" in adata.uns


def test_copy():
    adata = cr.pp.scale_profiles(profiles(), copy=True)
    back = cr.pp.unscale_profiles(adata, copy=True)
    np.testing.assert_allclose(back.X, profiles().X)
    assert adata.X.max() == 1
    assert "scale_profiles" in adata.uns


def test_error():
    adata, other = profiles(), profiles(1)
    with pytest.raises(ValueError, match=r"\.X was not scaled in this place.*Set key_added"):
        cr.pp.unscale_profiles(adata)
    with pytest.raises(KeyError, match="no parameters of scaled profiles"):
        cr.pp.unscale_profiles(adata, key_added="units")
    cr.pp.scale_profiles(adata)
    with pytest.raises(ValueError, match=r"\.X was not scaled in this place"):
        cr.pp.unscale_profiles(other, like=adata)
    with pytest.raises(ValueError, match=r"\.X was not scaled in this place"):
        cr.pp.unscale_profiles(adata, scaling="no")
    with pytest.raises(TypeError, match="AnnData or a MuData"):
        cr.pp.unscale_profiles(other, like="adata")
    other.layers["units"] = other.X.copy()
    with pytest.raises(ValueError, match=r"\.layers has an entry 'units' that cr.pp.unscale_profiles did not write"):
        cr.pp.unscale_profiles(other, like=adata, key_added="units")
    with pytest.raises(ValueError, match="where the profiles are"):
        cr.pp.unscale_profiles(other, like=adata, layer="units", key_added="units")
    other.var_names = ["feature0", "a", "b", "feature3", "feature4"]
    with pytest.raises(KeyError, match=r"2 of 5 features of \.X have no parameters: 'a', 'b'"):
        cr.pp.unscale_profiles(other, like=adata, key_added="back")
    cr.pp.unscale_profiles(adata)
    with pytest.raises(ValueError, match="was not scaled in this place"):
        cr.pp.unscale_profiles(adata)
