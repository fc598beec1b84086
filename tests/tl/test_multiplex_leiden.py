import mudata
import numpy as np
import pandas as pd
import pytest
import scanpy as sc
from anndata import AnnData
from mudata import MuData
from sklearn.metrics import adjusted_rand_score

import crepr as cr


@pytest.fixture
def mdata(rng):
    """Six groups, which each modality knows in part, in its own way."""
    truth, index = np.arange(240) % 6, pd.Index([f"cell{i}" for i in range(240)])
    parts = {
        "rna": rng.normal(size=(240, 6)) + 2.5 * np.eye(6)[truth],
        "stain": rng.normal(size=(240, 8)) + 2.5 * np.eye(8)[truth],
    }
    mdata = MuData({name: AnnData(obs=pd.DataFrame(index=index), obsm={"X_vae": x}) for name, x in parts.items()})
    mdata.obs["truth"] = pd.Categorical(truth.astype(str))
    return mdata


@pytest.fixture
def adata(mdata):
    adata = mdata["rna"].copy()
    adata.obsm["X_stain"] = mdata["stain"].obsm["X_vae"]
    return adata


def agree(data, truth, key="leiden_multiplex"):
    return adjusted_rand_score(truth, data.obs[key])


@pytest.mark.parametrize("flavor", ["crepr", "leidenalg"])
def test_anchor_both_modalities_know_more_than_one(mdata, flavor):
    options = {"use_rep": "X_vae", "n_neighbors": 30, "resolution": 0.8, "flavor": flavor}
    cr.tl.multiplex_leiden(mdata, **options)
    entry = mdata.uns["leiden_multiplex"]
    assert entry["params"]["layers"].tolist() == ["rna", "stain"]
    assert entry["quality"] > 0.5
    cr.tl.multiplex_leiden(mdata, **options, weights={"stain": 0, "rna": 2}, key_added="rna_alone")
    assert agree(mdata, mdata.obs["truth"]) > agree(mdata, mdata.obs["truth"], "rna_alone") + 0.05


def test_property_stored_graphs_are_those_that_are_made(mdata, tmp_path):
    for part in mdata.mod.values():
        sc.pp.neighbors(part, n_neighbors=30, use_rep="X_vae")
    cr.tl.multiplex_leiden(mdata, resolution=0.8)
    cr.tl.multiplex_leiden(mdata, use_rep=["X_vae", "X_vae"], n_neighbors=30, resolution=[0.8, 0.8], key_added="made")
    assert agree(mdata, mdata.obs["leiden_multiplex"], "made") == 1
    mdata.write(tmp_path / "data.h5mu")
    read = mudata.read(tmp_path / "data.h5mu")
    assert read.obs["made"].tolist() == mdata.obs["made"].tolist()
    assert read.uns["made"]["params"]["n_neighbors"].tolist() == [30, 30]


def test_property_anndata_with_two_representations(mdata, adata):
    cr.tl.multiplex_leiden(adata, use_rep=["X_vae", "X_stain"], n_neighbors=30, resolution=0.8)
    cr.tl.multiplex_leiden(mdata, use_rep="X_vae", n_neighbors=30, resolution=0.8)
    assert adata.obs["leiden_multiplex"].tolist() == mdata.obs["leiden_multiplex"].tolist()
    assert adata.uns["leiden_multiplex"]["params"]["layers"].tolist() == ["X_vae", "X_stain"]


def test_property_seed_and_copy(mdata):
    options = {"use_rep": "X_vae", "n_neighbors": 30, "rng": 0}
    changed, again = (cr.tl.multiplex_leiden(mdata, **options, copy=True) for _ in range(2))
    assert changed.obs["leiden_multiplex"].tolist() == again.obs["leiden_multiplex"].tolist()
    assert "leiden_multiplex" not in mdata.obs
    assert "leiden_multiplex" not in mdata.uns


def test_property_layers_of_one_modality(mdata):
    mdata["rna"].obsm["X_pca"] = mdata["stain"].obsm["X_vae"]
    cr.tl.multiplex_leiden(mdata, ["rna", "rna"], use_rep=["X_vae", "X_pca"], n_neighbors=30, resolution=0.8)
    assert mdata.uns["leiden_multiplex"]["params"]["layers"].tolist() == ["rna:X_vae", "rna:X_pca"]
    assert agree(mdata, mdata.obs["truth"]) > 0.8


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({}, KeyError, r"No 'neighbors' in data.mod\['rna'\].uns.*Run sc.pp.neighbors first, or set use_rep"),
        ({"neighbors_key": "mine"}, KeyError, "No 'mine' in data.mod"),
        ({"use_rep": "X_vae", "neighbors_key": "mine"}, ValueError, "Set use_rep or neighbors_key, not both"),
        ({"use_rep": "X_pca"}, KeyError, "No 'X_pca' in data.obsm"),
        ({"use_rep": ["X_vae"]}, ValueError, "use_rep must have one key per modality .*got 1"),
        ({"use_rep": {"atac": "X"}}, KeyError, "No 'atac' in mods"),
        ({"use_rep": 3}, TypeError, "use_rep must be a list of names"),
        ({"mods": ["rna", "atac"]}, KeyError, "No 'atac' in data.mod"),
        ({"mods": "rna"}, TypeError, "mods must be a list of names"),
        ({"mods": ["rna"], "use_rep": "X_vae"}, ValueError, "at least two layers, got 'rna'. For one, see"),
        ({"mods": ["rna", "rna"], "use_rep": "X_vae"}, ValueError, "Layers are repeated: 'rna:X_vae'"),
        ({"use_rep": "X_vae", "weights": [1, -1]}, ValueError, "weights must be a finite number of at least 0, got -1"),
        ({"use_rep": "X_vae", "weights": [0, 0]}, ValueError, "weights are all zero"),
        ({"use_rep": "X_vae", "weights": [1]}, ValueError, "weights must have one value per layer"),
        ({"use_rep": "X_vae", "weights": {"rna": 1}}, ValueError, "weights has no value for layers 'stain'"),
        ({"use_rep": "X_vae", "n_neighbors": 1}, ValueError, "n_neighbors must be at least 2"),
        ({"use_rep": "X_vae", "n_neighbors": 241}, ValueError, r"at most the number of cells \(240\), got 241"),
        ({"use_rep": "X_vae", "resolution": -1}, ValueError, "resolution must be a finite number of at least 0"),
        ({"use_rep": "X_vae", "flavor": "louvain"}, ValueError, "flavor must be one of 'crepr', 'leidenalg'"),
        ({"use_rep": "X_vae", "n_iterations": 0}, ValueError, "n_iterations must not be 0"),
        (
            {"use_rep": "X_vae", "key_added": "truth"},
            ValueError,
            "column 'truth' that cr.tl.multiplex_leiden did not write",
        ),
    ],
)
def test_error(mdata, options, error, match):
    with pytest.raises(error, match=match):
        cr.tl.multiplex_leiden(mdata, **options)
    assert list(mdata.uns) == []


def test_error_graph_that_is_gone(mdata):
    for part in mdata.mod.values():
        sc.pp.neighbors(part, use_rep="X_vae")
        del part.obsp["connectivities"]
    with pytest.raises(KeyError, match="No 'connectivities' in .obsp of layer 'rna' .*Run sc.pp.neighbors again"):
        cr.tl.multiplex_leiden(mdata)


def test_error_cells(mdata, adata):
    other = MuData({"rna": mdata["rna"], "stain": mdata["stain"][:100].copy()})
    with pytest.raises(ValueError, match=r"same cells in the same order .*Call mu.pp.intersect_obs\(data\) first"):
        cr.tl.multiplex_leiden(other, use_rep="X_vae")
    turned = MuData({"rna": mdata["rna"], "stain": mdata["stain"][::-1].copy()})
    with pytest.raises(ValueError, match="'stain' has them in another order. Put it in order: mdata = MuData"):
        cr.tl.multiplex_leiden(turned, use_rep="X_vae")
    turned = MuData({**turned.mod, "stain": turned["stain"][turned.obs_names].copy()})
    cr.tl.multiplex_leiden(turned, use_rep="X_vae")
    with pytest.raises(ValueError, match="needs a MuData, got an AnnData. Name representations in use_rep"):
        cr.tl.multiplex_leiden(adata, ["rna", "stain"])
    with pytest.raises(TypeError, match="use_rep must be a list of names, one per layer, got None"):
        cr.tl.multiplex_leiden(adata)
