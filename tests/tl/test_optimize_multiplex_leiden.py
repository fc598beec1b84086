import mudata
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from sklearn.metrics import silhouette_score

import crepr as cr

# what is given needs no result of optimize_leiden
GIVEN = {"n_neighbors": 30, "resolution": 0.8, "progress": False, "weight_step": 0.25}


@pytest.fixture
def mdata(rng):
    """Six groups, which two modalities know in part, each in its own way, and a third not at all."""
    truth, index = np.arange(240) % 6, pd.Index([f"cell{i}" for i in range(240)])
    parts = {
        "rna": rng.normal(size=(240, 6)) + 2.5 * np.eye(6)[truth],
        "stain": rng.normal(size=(240, 8)) + 2.5 * np.eye(8)[truth],
        "noise": rng.normal(size=(240, 5)),
    }
    mdata = MuData({name: AnnData(obs=pd.DataFrame(index=index), obsm={"X_vae": x}) for name, x in parts.items()})
    mdata.obs["truth"] = pd.Categorical(truth.astype(str))
    return mdata


def test_anchor_joining_gains_over_the_control(mdata):
    cr.tl.optimize_multiplex_leiden(mdata, ["rna", "stain"], groupby="truth", **GIVEN)
    table = cr.get.optimize_multiplex_leiden(mdata).set_index("clustering")
    assert table.index.tolist() == ["joint", "rna alone", "stain alone", "control 1", "control 2", "control 3"]
    assert table["ari"].idxmax() == "joint"
    assert table.loc["joint", "ari"] > table["ari"].drop("joint").max() + 0.05
    assert table.loc["joint", "silhouette"] > table["silhouette"].filter(like="control").max() + 0.05
    assert table.loc["rna alone", ["weight_rna", "weight_stain"]].tolist() == [1, 0]
    results = cr.get.optimize_multiplex_leiden(mdata, table="results")
    assert results["weight_rna"].tolist() == [0.25, 0.5, 0.75]
    best = mdata.uns["leiden_multiplex_optimized"]["best"]
    assert best["silhouette"] == results.loc[results["n_clusters"] >= 5, "silhouette"].max()
    # the joint clustering of the comparison is that which was found
    assert table.loc["joint", "quality"] == pytest.approx(best["quality"])
    labels = mdata.obs["leiden_multiplex_optimized"]
    silhouettes = [silhouette_score(mdata[name].obsm["X_vae"], labels) for name in ("rna", "stain")]
    np.testing.assert_allclose([best["silhouette_rna"], best["silhouette_stain"]], silhouettes, atol=1e-6)
    assert best["silhouette"] == pytest.approx(np.mean(silhouettes))


@pytest.mark.filterwarnings("ignore:The best weights")
def test_anchor_joining_noise_gains_nothing(mdata):
    cr.tl.optimize_multiplex_leiden(mdata, ["rna", "noise"], n_controls=5, **GIVEN)
    table = cr.get.optimize_multiplex_leiden(mdata).set_index("clustering")
    controls = table[table.index.str.startswith("control")]
    assert len(controls) == 5
    assert table.loc["joint", "silhouette"] < controls["silhouette"].max() + 0.02


@pytest.mark.filterwarnings("ignore:The best weights")
def test_property_a_control_is_the_search_on_permuted_cells(mdata):
    cr.tl.optimize_multiplex_leiden(mdata, ["rna", "stain"], n_controls=1, **GIVEN)
    control = cr.get.optimize_multiplex_leiden(mdata).iloc[-1]
    stain = mdata["stain"]
    stain.obsm["X_vae"] = stain.obsm["X_vae"][np.random.default_rng([0, 0, 1]).permutation(240)]
    cr.tl.optimize_multiplex_leiden(mdata, ["rna", "stain"], n_controls=0, **GIVEN)
    best = mdata.uns["leiden_multiplex_optimized"]["best"]
    # graphs of reordered cells are the same but for rounding
    assert control[list(best)].to_dict() == pytest.approx(best, rel=0.05)


@pytest.mark.filterwarnings("ignore:The best weights")
def test_property_three_layers_jobs_and_writing(mdata, tmp_path):
    cr.tl.optimize_multiplex_leiden(mdata, n_controls=1, min_clusters=1, **GIVEN)
    expected = cr.get.optimize_multiplex_leiden(mdata, table="results")
    assert len(expected) == 3
    cr.tl.optimize_multiplex_leiden(mdata, n_controls=1, min_clusters=1, n_jobs=2, key_added="again", **GIVEN)
    pd.testing.assert_frame_equal(cr.get.optimize_multiplex_leiden(mdata, table="results", key_added="again"), expected)
    mdata.write(tmp_path / "data.h5mu")
    read = mudata.read(tmp_path / "data.h5mu")
    pd.testing.assert_frame_equal(
        cr.get.optimize_multiplex_leiden(read), cr.get.optimize_multiplex_leiden(mdata), check_dtype=False
    )


def test_property_inherits_what_was_found_best(mdata):
    options = {"n_seeds": 1, "null": 0, "progress": False, "min_clusters": 2}
    cr.tl.optimize_leiden(mdata, mod="rna", n_neighbors=[12], resolution=[0.6], **options)
    with pytest.warns(UserWarning, match="No result of cr.tl.optimize_leiden for layers 'stain'"):
        cr.tl.optimize_multiplex_leiden(mdata, ["rna", "stain"], weight_step=0.5, min_clusters=2, progress=False)
    params = mdata.uns["leiden_multiplex_optimized"]["params"]
    assert params["n_neighbors"].tolist() == [12, 15]
    assert params["resolution"].tolist() == [0.6, 1.0]


@pytest.mark.filterwarnings("ignore")
def test_property_anndata_and_again(mdata):
    adata = mdata["rna"].copy()
    adata.obsm["X_stain"] = mdata["stain"].obsm["X_vae"]
    for _ in range(2):
        cr.tl.optimize_multiplex_leiden(adata, use_rep=["X_vae", "X_stain"], weight_step=0.5, progress=False)
    assert cr.get.optimize_multiplex_leiden(adata)["clustering"].tolist()[1:3] == ["X_vae alone", "X_stain alone"]


def test_warning_least_weight(mdata):
    with pytest.warns(UserWarning, match="layers 'noise' the least that was tried, 0.25: they may add nothing"):
        cr.tl.optimize_multiplex_leiden(mdata, ["rna", "noise"], n_controls=0, **GIVEN)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"weight_step": 0.3}, ValueError, "weight_step must divide 1 into at least 3 equal parts"),
        ({"min_clusters": 0}, ValueError, "min_clusters must be at least 1"),
        ({"n_controls": -1}, ValueError, "n_controls must be at least 0"),
        ({"groupby": "type"}, KeyError, "No 'type' in .obs"),
        ({"key_added": "truth"}, ValueError, "column 'truth' that cr.tl.optimize_multiplex_leiden did not write"),
        ({"mods": ["rna", "atac"]}, KeyError, "No 'atac' in data.mod"),
        ({"n_neighbors": {"rna": 5}}, ValueError, "n_neighbors has no value for layers 'stain', 'noise'"),
        ({"resolution": "x"}, TypeError, "resolution must be a number"),
    ],
)
def test_error(mdata, options, error, match):
    with pytest.raises(error, match=match):
        cr.tl.optimize_multiplex_leiden(mdata, **{**GIVEN, **options})
    assert list(mdata.uns) == []
