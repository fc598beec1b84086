import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix

from crepr import pl, tl


@pytest.fixture
def adata(rng):
    latent = rng.normal(size=(60, 3))
    values = np.abs(latent @ rng.normal(size=(3, 5)) + 0.1 * rng.normal(size=(60, 5)))
    values[:, 4] = 0
    values[7:9, 4] = 1.5
    adata = AnnData(csr_matrix(values), obs=pd.DataFrame(index=[f"c{i}" for i in range(60)]))
    adata.var_names = ["a/b", "c", "d", "e", "rare"]
    adata.obsm["X_vae"], adata.obsm["spatial"] = latent, rng.uniform(0, 50, (60, 2))
    return adata


@pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells")
def test_anchor_rows_titles_and_colours(adata):
    tl.ridge_genes(adata, progress=False)
    fig = pl.ridge_gene_maps(adata, ["c", "a/b", "rare"])
    fig.canvas.draw()
    # two maps and a bar for each gene
    assert len(fig.axes) == 9
    titles = [ax.get_title() for ax in fig.axes if ax.get_title()]
    assert titles[::2] == ["c, observed", "a/b, observed", "rare, observed"]
    assert titles[1].startswith("c, predicted, R² ")
    left, right = fig.axes[:2]
    assert left.yaxis_inverted()
    # cells never held out are grey
    assert [len(part.get_offsets()) for part in left.collections] == [0, 60]
    assert [len(part.get_offsets()) for part in right.collections] == [48, 12]
    assert left.collections[1].get_clim() == right.collections[1].get_clim()
    np.testing.assert_array_equal(left.collections[1].get_array(), adata[:, "c"].X.toarray().ravel())


@pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells")
def test_anchor_the_best_by_default_and_other_places(adata):
    tl.ridge_genes(adata, cv=3, progress=False)
    best = adata.uns["ridge_genes"]["results"].nlargest(4, "r2")["gene"]
    fig = pl.ridge_gene_maps(adata)
    assert [ax.get_title().split(",")[0] for ax in fig.axes[:8:2]] == best.tolist()
    assert len(pl.ridge_gene_maps(adata, best[:1].to_numpy()).axes) == 3
    stain = AnnData(obs=adata.obs[[]].copy(), obsm={"X_vae": adata.obsm["X_vae"]})
    mdata = MuData(
        {"rna": AnnData(adata.X, obs=adata.obs, var=adata.var, obsm={"spatial": adata.obsm["spatial"]}), "stain": stain}
    )
    tl.ridge_genes(mdata, cv=3, progress=False)
    assert len(pl.ridge_gene_maps(mdata, "c").axes) == 3
    del mdata.uns["ridge_genes"]
    tl.ridge_genes(stain, cv=3, response=mdata["rna"], progress=False)
    stain.obsm["spatial"] = adata.obsm["spatial"]
    assert len(pl.ridge_gene_maps(stain, "c", response=mdata["rna"]).axes) == 3
    with pytest.raises(KeyError, match="'c' are not in data. Set response to the AnnData"):
        pl.ridge_gene_maps(stain, "c")
    # of a modality with the same genes, but other values
    tl.ridge_genes(mdata, cv=3, response=adata.copy(), mod="stain", key_added="own", progress=False)
    with pytest.raises(KeyError, match="'c' are not in data. Set response to the AnnData"):
        pl.ridge_gene_maps(mdata, "c", key_added="own")
    with pytest.raises(ValueError, match="response must have the cells of data"):
        pl.ridge_gene_maps(stain, "c", response=adata[::-1].copy())


@pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells")
def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.ridge_genes first"):
        pl.ridge_gene_maps(adata)
    tl.ridge_genes(adata, predict=["c"], progress=False)
    with pytest.raises(KeyError, match=r"No 'd' in the predictions kept .*predict=\['d'\]"):
        pl.ridge_gene_maps(adata, "d")
    with pytest.raises(KeyError, match="No 'where' in .obsm"):
        pl.ridge_gene_maps(adata, spatial_key="where")
    tl.ridge_genes(adata, predict=0, progress=False)
    with pytest.raises(KeyError, match="no predictions were kept. Run cr.tl.ridge_genes with predict"):
        pl.ridge_gene_maps(adata)
    assert not plt.get_fignums()
