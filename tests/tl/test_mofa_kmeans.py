import sys
import tempfile
import warnings

import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.metrics import adjusted_rand_score

import crepr as cr
from crepr.tl import _mofa
from crepr.tl._layers import find_layers

pytest.importorskip("mofapy2")

SIZES = {"a": 32, "b": 24, "c": 16}
N = sum(SIZES.values())
QUICK = {"n_factors": [1, 3], "n_clusters": range(2, 6), "min_clusters": 2, "n_init": 3, "progress": False}


@pytest.fixture
def mdata(rng):
    """Three groups that `rna` and `stain` know of, and a layer of noise."""
    groups = rng.permutation(np.repeat(list(SIZES), list(SIZES.values())))
    means = {"a": [5, 0], "b": [0, 5], "c": [-5, -5]}
    plane = np.array([means[group] for group in groups], float)
    cells = pd.DataFrame({"kind": groups}, index=[f"c{i}" for i in range(N)])
    noise = {"rna": 18, "stain": 16, "noise": 15}
    mods = {name: AnnData(obs=cells if name == "rna" else cells[[]]) for name in noise}
    for name, d in noise.items():
        mods[name].obsm["X_vae"] = rng.normal(size=(N, d)).astype("float32")
        if name != "noise":
            mods[name].obsm["X_vae"] += plane @ rng.normal(size=(2, d))
    return MuData(mods)


def run(data, **options):
    cr.tl.mofa_kmeans(data, **{**QUICK, **options})
    return data.uns[options.get("key_added") or "mofa_kmeans"]


def test_anchor_planted_groups(mdata):
    found = run(mdata, n_factors=[1, 3, 4], groupby="kind")
    assert adjusted_rand_score(mdata.obs["mofa_kmeans"], mdata["rna"].obs["kind"]) == 1
    assert mdata.obs["mofa_kmeans"].value_counts().to_dict() == {"0": 32, "1": 24, "2": 16}
    assert found["results"]["n_clusters"].tolist() == found["results"]["n_effective"].tolist() == [2, 3, 4, 5]
    assert found["results"].set_index("n_clusters").loc[3, ["ami", "ari", "v_measure"]].tolist() == pytest.approx(
        [1] * 3
    )
    assert found["best"]["n_clusters"] == 3
    assert found["best"]["n_factors"] == 3
    layers = found["layers"].set_index("layer")
    assert layers["n_features"].to_dict() == {"rna": 18, "stain": 16, "noise": 15}
    assert layers.loc["noise", "importance"] < 0.02 < 0.4 < layers["importance"].drop("noise").min()
    assert layers["importance"].sum() == pytest.approx(1)


def test_anchor_two_factors_are_needed_and_the_rest_left_out(mdata):
    fits = run(mdata, n_factors=[1, 3, 4])["factors"]
    assert fits["n_active"].tolist() == [1, 2, 2]
    assert fits["chosen"].tolist() == [False, True, False]
    assert fits["converged"].all()
    columns = ["variance_rna", "variance_stain", "variance_noise"]
    np.testing.assert_allclose(fits["variance"], fits[columns].mean(axis=1))
    assert mdata.obsm["X_mofa_kmeans"].shape == (N, 2)
    # what the factors explain is what regression on them explains
    factors = np.column_stack([mdata.obsm["X_mofa_kmeans"], np.ones(N)])
    for name in ("rna", "stain"):
        x = mdata[name].obsm["X_vae"].astype(float)
        _, left, *_ = np.linalg.lstsq(factors, x, rcond=None)
        explained = 1 - left.sum() / np.square(x - x.mean(0)).sum()
        assert fits.loc[1, f"variance_{name}"] == pytest.approx(explained, abs=0.02)
    assert run(mdata, variance_share=0.2, n_clusters=[3])["best"]["n_factors"] == 1


def test_property_units_of_a_layer_do_not_matter(mdata):
    expected = run(mdata)
    mdata["stain"].obsm["X_vae"] = mdata["stain"].obsm["X_vae"] * 1e4 + 3
    found = run(mdata)
    pd.testing.assert_frame_equal(found["factors"], expected["factors"], rtol=1e-3)
    pd.testing.assert_frame_equal(found["results"], expected["results"], rtol=1e-3)


def test_property_seeds(mdata):
    first, again = (cr.tl.mofa_kmeans(mdata, rng=3, copy=True, **QUICK) for _ in range(2))
    np.testing.assert_array_equal(first.obsm["X_mofa_kmeans"], again.obsm["X_mofa_kmeans"])
    assert first.obs["mofa_kmeans"].equals(again.obs["mofa_kmeans"])
    pd.testing.assert_frame_equal(cr.get.mofa_kmeans(first), cr.get.mofa_kmeans(again))
    drawn = cr.tl.mofa_kmeans(mdata, rng=np.random.default_rng(3), copy=True, **QUICK)
    assert drawn.uns["mofa_kmeans"]["params"]["seed"] == np.random.default_rng(3).integers(2**31)


def test_property_the_session_is_left_alone(mdata, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    for name in [name for name in sys.modules if name.partition(".")[0] == "mofapy2"]:
        # its import silences all warnings
        monkeypatch.delitem(sys.modules, name)
    before, values = mdata.copy(), mdata["rna"].obsm["X_vae"].copy()
    np.random.seed(5)
    expected, filters = np.random.random(), list(warnings.filters)
    np.random.seed(5)
    changed = cr.tl.mofa_kmeans(mdata, copy=True, **QUICK)
    assert np.random.random() == expected
    assert warnings.filters == filters
    assert capsys.readouterr().out == ""
    assert list(tmp_path.iterdir()) == []
    assert list(mdata.uns) == []
    assert set(changed.obs) - set(before.obs) == {"mofa_kmeans"}
    assert list(changed.uns) == ["mofa_kmeans"]
    assert "X_mofa" not in changed.obsm
    for data in (mdata, changed):
        np.testing.assert_array_equal(data["rna"].obsm["X_vae"], values)


def test_property_written_and_read(mdata, tmp_path):
    expected = run(mdata, mods=["rna", "stain"], key_added="joint", groupby="rna:kind")
    # again over its own
    run(mdata, mods=["rna", "stain"], key_added="joint", groupby="rna:kind")
    mdata.write(tmp_path / "data.h5mu")
    read = mudata.read(tmp_path / "data.h5mu")
    for name in ("factors", "results", "layers"):
        pd.testing.assert_frame_equal(read.uns["joint"][name], expected[name], check_dtype=False)
    np.testing.assert_array_equal(read.obsm["X_joint"], mdata.obsm["X_joint"])
    assert read.obs["joint"].tolist() == mdata.obs["joint"].tolist()
    assert read.uns["joint"]["best"]["n_clusters"] == 3


def test_property_representations_of_an_anndata(mdata):
    adata = AnnData(obs=mdata["rna"].obs, obsm={f"X_{name}": mdata[name].obsm["X_vae"] for name in ("rna", "stain")})
    found = run(adata, use_rep=["X_rna", "X_stain"])
    assert found["layers"]["layer"].tolist() == found["layers"]["use_rep"].tolist() == ["X_rna", "X_stain"]
    assert adjusted_rand_score(adata.obs["mofa_kmeans"], adata.obs["kind"]) == 1
    # not taken for a search of neighbours and resolutions in one of them
    assert [layer.found() for layer in find_layers(adata, None, ["X_rna", "X_stain"], stored=False)] == [{}, {}]


def test_warnings(mdata, monkeypatch):
    mdata["stain"].obsm["X_vae"] = mdata["stain"].obsm["X_vae"][:, :4]
    monkeypatch.setattr(_mofa, "N_ITERATIONS", 6)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        run(mdata, mods=["rna", "stain"], n_factors=[1, 2], n_clusters=[2, 3])
    ours = [warning for warning in caught if warning.filename == __file__]
    text = " ".join(str(warning.message) for warning in ours)
    assert "Layers under 15 features: stain (4). MOFA may find no meaningful factors in them" in text
    assert "MOFA did not converge with n_factors 1, 2." in text
    assert "The chosen n_factors, 2, is the largest tried" in text
    assert "The best number of clusters, 3, lies on the edge of the grid" in text


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"mods": ["rna"]}, ValueError, "at least two layers, got 'rna'"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca'"),
        ({"n_factors": [0, 5]}, ValueError, "n_factors must be at least 1, got 0"),
        ({"n_factors": [2.5]}, TypeError, "n_factors must be an integer"),
        ({"n_clusters": [1, 2]}, ValueError, "n_clusters must be at least 2, got 1"),
        ({"n_clusters": [2, 73]}, ValueError, r"n_clusters must be at most the number of cells \(72\), got 73"),
        ({"min_clusters": 6}, ValueError, "n_clusters must have a number of at least min_clusters=6, got at most 5"),
        ({"variance_share": 0}, ValueError, "variance_share must be a finite number above 0"),
        ({"variance_share": 1.5}, ValueError, "variance_share must be at most 1, got 1.5"),
        ({"n_init": 0}, ValueError, "n_init must be at least 1"),
        ({"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ({"rng": -1}, ValueError, "rng must be at least 0"),
        ({"key_added": "mine"}, ValueError, ".obs has a column 'mine' that cr.tl.mofa_kmeans did not write"),
        ({"key_added": "pca"}, ValueError, ".obsm has 'X_pca', which is not of cr.tl.mofa_kmeans. Set key_added"),
    ],
)
def test_error(mdata, options, error, match):
    mdata.obs["mine"] = "a"
    mdata.obsm["X_pca"] = np.zeros((N, 2))
    with pytest.raises(error, match=match):
        run(mdata, **options)
    assert list(mdata.uns) == []


def test_error_data(mdata):
    mdata["noise"].obsm["X_vae"][:] = 4
    with pytest.raises(ValueError, match="Layers 'noise' are constant. Leave them out"):
        run(mdata)
    mdata["noise"].obsm["X_vae"][3, 0] = np.nan
    with pytest.raises(ValueError, match="NaN or infinite values in 1 of 72 cells"):
        run(mdata)
    rng = np.random.default_rng(1)
    for name in ("rna", "stain"):
        mdata[name].obsm["X_vae"] = rng.normal(size=(N, 15))
    with pytest.raises(ValueError, match="MOFA found no factor that explains at least 0.1 %"):
        run(mdata, mods=["rna", "stain"])
    assert list(mdata.uns) == []


def test_error_the_extra_is_missing(mdata, monkeypatch):
    monkeypatch.setitem(sys.modules, "mofapy2", None)
    with pytest.raises(ModuleNotFoundError, match=r"'mofapy2' is not installed.*pip install 'crepr\[mofa\]'"):
        run(mdata)


@pytest.mark.parametrize(("raised", "error"), [(KeyboardInterrupt, KeyboardInterrupt), (TypeError, RuntimeError)])
@pytest.mark.parametrize("call", [1, 3])
def test_error_inside_mofapy2_is_not_swallowed(mdata, monkeypatch, raised, error, call):
    from mofapy2.core.BayesNet import BayesNet

    compute, calls = BayesNet.calculateELBO, []

    def fail(self, *nodes):
        calls.append(1)
        if len(calls) >= call:
            raise raised("in the middle")
        return compute(self, *nodes)

    monkeypatch.setattr(BayesNet, "calculateELBO", fail)
    with pytest.raises(error):
        run(mdata)
    assert list(mdata.uns) == []
