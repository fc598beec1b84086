import numpy as np
import pytest
from mudata import MuData
from profile_models import profiles, train
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance

import crepr as cr
from crepr.tl import _compare_simulation


@pytest.fixture(scope="module")
def trained():
    adata = profiles()
    model = train(adata)
    return adata, model, cr.tl.simulate(adata, model, n_obs=50)


@pytest.fixture
def adata(trained):
    return trained[0].copy()


@pytest.fixture
def model(trained):
    return trained[1]


@pytest.fixture
def simulated(trained):
    return trained[2].copy()


@pytest.fixture
def _quick(monkeypatch):
    """No UMAP: the first two features are the map."""
    monkeypatch.setattr(_compare_simulation, "_placed", lambda rows, **_: {kind: x[:, :2] for kind, x in rows.items()})


@pytest.mark.usefixtures("_quick")
def test_reference_distances(adata, model, simulated):
    cr.tl.compare_simulation(adata, model, simulated, cells=("split", "test"))
    entry = adata.uns["compare_simulation"]
    test = (adata.obs["split"] == "test").to_numpy()
    real, drawn = adata.X[test], cr.tl.reconstruct(adata, model, cells=test)["outputs"]["X"]
    for kind, x in (("reconstructed", drawn), ("simulated", simulated.X)):
        found = entry["results"].set_index("kind").loc[kind]
        distances = cdist(x, real)
        assert found["to_real"] == pytest.approx(distances.min(1).max(), rel=1e-5)
        assert found["from_real"] == pytest.approx(distances.min(0).max(), rel=1e-5)
        assert found["hausdorff"] == max(found["to_real"], found["from_real"])
        expected = np.mean([wasserstein_distance(x[:, j], real[:, j]) for j in range(8)])
        assert found["wasserstein"] == pytest.approx(expected, rel=1e-4)
        assert found["n"] == len(x)
    places = entry["map"]
    assert places["kind"].value_counts(sort=False).to_dict() == {"real": 20, "reconstructed": 20, "simulated": 50}
    np.testing.assert_array_equal(places.loc[places["kind"] == "simulated", ["x", "y"]], simulated.X[:, :2])
    assert places["name"].iloc[[0, 20, 40]].tolist() == ["well 0", "well 0", "simulated_01"]


@pytest.mark.usefixtures("_quick")
def test_property_features_are_found_by_name(adata, model, simulated, tmp_path):
    cr.tl.compare_simulation(adata, model, simulated)
    other = adata[::-1].copy()
    cr.tl.compare_simulation(other, model, simulated[:, ::-1].copy())
    for each in ("hausdorff", "wasserstein"):
        np.testing.assert_allclose(*(x.uns["compare_simulation"]["results"][each] for x in (adata, other)), rtol=1e-5)
    changed = cr.tl.compare_simulation(MuData({"m": adata}), model, simulated, mod="m", key_added="mine", copy=True)
    assert "mine" in changed["m"].uns
    assert "mine" not in adata.uns
    adata.write_h5ad(tmp_path / "compared.h5ad")


# compiling takes seconds
@pytest.mark.slow
def test_reference_umap_is_fitted_to_the_real_profiles(adata, model, simulated):
    cr.tl.compare_simulation(adata, model, simulated, n_neighbors=10, rng=123)
    from umap import UMAP  # warns when it is imported first

    places = adata.uns["compare_simulation"]["map"].set_index("kind")[["x", "y"]]
    umap = UMAP(n_neighbors=10, random_state=123, n_jobs=1).fit(adata.X)
    np.testing.assert_allclose(places.loc["real"], umap.embedding_, atol=1e-4)
    cr.tl.compare_simulation(adata, model, simulated[:5].copy(), n_neighbors=10, rng=123, key_added="few")
    few = adata.uns["few"]["map"].set_index("kind")[["x", "y"]]
    np.testing.assert_array_equal(few.loc["real"], places.loc["real"])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"model": "vae"}, TypeError, "model must be a TrainedModel"),
        ({"simulated": "x"}, TypeError, "data must be an AnnData or a MuData, got str"),
        ({"n_neighbors": 60}, ValueError, "There are 60 real profiles, and n_neighbors=60 must be fewer"),
        ({"n_neighbors": 1}, ValueError, "n_neighbors must be at least 2"),
        ({"min_dist": 2}, ValueError, "min_dist must be between 0 and 1, got 2"),
        ({"cells": ("split", "no")}, ValueError, "no observation has this value"),
        ({"batch_size": 0}, ValueError, "batch_size must be at least 1"),
        ({"key_added": "taken"}, ValueError, "did not write"),
    ],
)
@pytest.mark.usefixtures("_quick")
def test_error(adata, model, simulated, options, error, match):
    adata.uns["taken"] = 1
    with pytest.raises(error, match=match):
        cr.tl.compare_simulation(adata, **{"model": model, "simulated": simulated, **options})


@pytest.mark.usefixtures("_quick")
def test_error_simulated(adata, model, simulated):
    with pytest.raises(TypeError, match="simulated must be an AnnData, got a MuData"):
        cr.tl.compare_simulation(adata, model, MuData({"m": simulated}))
    with pytest.raises(KeyError, match="1 of the 8 features of the model are not in 'X'"):
        cr.tl.compare_simulation(adata, model, simulated[:, 1:].copy())
    simulated.X[3, 3] = np.nan
    with pytest.raises(ValueError, match=r"simulated profiles holds NaN .* in 1 of 50 cells \('simulated_04'\)"):
        cr.tl.compare_simulation(adata, model, simulated)
