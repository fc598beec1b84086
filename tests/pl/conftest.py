import anndata as ad
import mudata as md
import numpy as np
import pandas as pd
import pytest

from crepr import pp

SIZE = 16
COLORS = ["#e41a1c", "#377eb8", "#4daf4a"]


@pytest.fixture
def adata():
    """30 cells of three groups on a lattice, whose nuclei grow from cell to cell; 0.5 micrometres a pixel."""
    y, x = (np.mgrid[:5, :6] * 20 + 15).reshape(2, -1)
    rows, columns = np.mgrid[:110, :130]
    distance = np.hypot(rows - y[:, None, None], columns - x[:, None, None])
    width = np.linspace(2, 5, 30)[:, None, None]
    image = np.stack([(distance < width).any(axis=0), ((distance > 6) & (distance < 8)).any(axis=0)])
    adata = ad.AnnData(obs=pd.DataFrame(index=[f"cell{i}" for i in range(30)]))
    adata.obs["kind"] = pd.Categorical(
        np.repeat(["small", "middle", "large"], [6, 12, 12]), ["small", "middle", "large"]
    )
    adata.obs["width"] = width.ravel()
    adata.obsm["spatial"] = np.stack([x + 0.5, y + 0.5], axis=1) * 0.5
    adata.obsm["X_umap"] = np.stack([width.ravel(), np.tile([0.0, 1.0, 2.0], 10)], axis=1)
    pp.crops(adata, image.astype(np.uint8), size=SIZE, axes="cyx", channel_names=["DAPI", "membrane"], pixel_size=0.5)
    return adata


@pytest.fixture
def mdata(adata):
    """Crops in `stain`; groups, their colours and the map in `rna`."""
    rna = ad.AnnData(np.zeros((30, 2), dtype=np.float32), obs=adata.obs.copy(), obsm={"X_umap": adata.obsm["X_umap"]})
    rna.uns["kind_colors"] = COLORS
    stain = adata.copy()
    stain.obs = stain.obs[[]]
    del stain.obsm["X_umap"]
    return md.MuData({"rna": rna, "stain": stain})
