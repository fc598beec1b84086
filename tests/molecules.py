"""Cells in a row, with molecules in them, for tests."""

import anndata as ad
import geopandas as gpd
import mudata as md
import numpy as np
import pandas as pd
from shapely.geometry import box

from crepr.get._image_table import image_table
from crepr.get._molecule_reader import molecule_reader
from crepr.images._source import Source

CELLS = ["c1", "c2", "c3", "c4"]
GENES = ["Actb", "Cd4", "Ins1", "Krt8", "Xist"]


def make_adata(cells=CELLS, genes=GENES):
    adata = ad.AnnData(np.zeros((len(cells), len(genes)), np.float32))
    adata.obs_names, adata.var_names = cells, genes
    return adata


def make_mudata(rna, stain):
    stain.var_names = [f"stain {i}" for i in range(stain.n_vars)]
    return md.MuData({"rna": rna, "stain": stain})


def make_mudata_of_two(add):
    """Two modalities beside rna, and what `add` adds to both of them."""
    rna, stains = make_adata(), [make_adata() for _ in range(2)]
    data = make_mudata(rna, stains[0])
    stains[1].var_names = [f"other {i}" for i in range(len(GENES))]
    data.mod["other"] = stains[1]
    for stain in stains:
        add(stain)
    return data


def make_table(seed=0, n=200):
    """Cells are squares of 10 pixels beside each other, at x = 0, 10, 20, 30; the last fifth lies in none."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"x": rng.uniform(0, 50, n), "y": rng.uniform(0, 10, n), "gene": rng.choice(GENES, n)})
    cell = [*CELLS, "UNASSIGNED"]
    return table.assign(cell=[cell[i] for i in (table["x"] // 10).astype(int)], is_noise=rng.uniform(size=n) < 0.1)


def add_crops(adata, uris=("uns:image",), shape=(1, 10, 50), affine=None):
    """Register crops of images, cells dealt out to the images in turn."""
    image = [uris[i % len(uris)] for i in range(adata.n_obs)]
    adata.obsm["crops"] = pd.DataFrame(
        {"image": pd.Categorical(image, categories=uris), "y": 5.0, "x": 5 + 10.0 * np.arange(adata.n_obs)},
        index=adata.obs_names,
    )
    sources = [Source(uri, np.zeros(shape, np.uint8), "cyx", ("0",)) for uri in uris]
    affine = affine or [np.eye(3)] * len(uris)
    adata.uns["crops"] = {
        "images": image_table(sources), "size": 10, "affine": {str(i): matrix for i, matrix in enumerate(affine)},
    }  # fmt: skip


def add_masks(adata, labels=(1, 2, 3, 4)):
    image = np.zeros((10, 50), np.uint16)
    image[:, :40] = np.repeat([1, 2, 3, 4], 10)
    adata.uns["labels"] = image
    adata.obsm["masks"] = pd.DataFrame(
        {"image": pd.Categorical(["uns:labels"] * adata.n_obs), "label": labels}, index=adata.obs_names
    )
    adata.uns["masks"] = {"images": image_table([Source("uns:labels", image[None], "cyx", ("0",), None, "yx")])}


def squares(cells=CELLS):
    return gpd.GeoDataFrame(geometry=[box(10 * i, 0, 10 * i + 10, 10) for i in range(len(cells))], index=cells)


def molecules_of(adata):
    """Per cell: its molecules as sorted tuples, through the references."""
    reader = molecule_reader(adata)
    cell, y, x, gene = reader.read(np.arange(adata.n_obs))
    names = np.array(reader.genes)[gene]
    return {
        name: sorted(zip(y[cell == i].tolist(), x[cell == i].tolist(), names[cell == i], strict=True))
        for i, name in enumerate(adata.obs_names)
    }


def expected_of(table, cells=CELLS):
    table = table.astype({"x": np.float32, "y": np.float32})
    return {
        name: sorted(table.loc[table["cell"] == name, ["y", "x", "gene"]].itertuples(index=False, name=None))
        for name in cells
    }
