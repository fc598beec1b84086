"""A small slide: cells are blobs of two sizes, with molecules of three genes."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from mudata import MuData

import crepr as cr

N, SIZE, SIDE = 40, 16, 160


def slide(path, *, n=N, seed=0, prefix="c"):
    rng = np.random.default_rng(seed)
    centre = rng.uniform(12, SIDE - 12, (n, 2))
    large = np.arange(n) % 2 == 0
    y, x = np.mgrid[:SIDE, :SIDE]
    image = rng.normal(200, 10, (2, SIDE, SIDE))
    for (cx, cy), radius in zip(centre, np.where(large, 5, 3), strict=True):
        distance = np.hypot(y - cy, x - cx)
        image[0] += 1000 * (distance < radius)
        image[1] += 800 * (np.abs(distance - radius) < 1)
    cells = pd.DataFrame({"kind": np.where(large, "large", "small")}, index=[f"{prefix}{i}" for i in range(n)])
    adata = ad.AnnData(np.ones((n, 3), np.float32), cells, pd.DataFrame(index=["Actb", "Cd4", "Epcam"]))
    adata.obsm["spatial"] = centre
    pixels, names = image.clip(0).astype(np.uint16), ["dapi", "membrane"]
    cr.pp.crops(adata, pixels, size=SIZE, axes="cyx", channel_names=names, store=path / f"{prefix}.zarr")
    owner = np.repeat(np.arange(n), 12)
    offset = rng.normal(0, 2.5, (len(owner), 2))
    molecules = pd.DataFrame(
        {
            "x": centre[owner, 0] + offset[:, 0],
            "y": centre[owner, 1] + offset[:, 1],
            "gene": rng.choice(adata.var_names, len(owner)),
            "cell": cells.index[owner],
        }
    )
    cr.pp.transcripts(adata, molecules, cell="cell", path=path / f"{prefix}.parquet", progress=False)
    return adata


def in_two(adata):
    """The same cells as a MuData: counts and transcripts in one modality, crops in the other."""
    rna, stain = adata.copy(), ad.AnnData(obs=adata.obs[[]].copy(), uns=adata.uns, obsm={"crops": adata.obsm["crops"]})
    del rna.obsm["crops"]
    return MuData({"rna": rna, "stain": stain})


@pytest.fixture
def adata(tmp_path):
    return slide(tmp_path)


@pytest.fixture
def other(tmp_path):
    """Another slide: other image, other table of molecules, other cells."""
    return slide(tmp_path, n=25, seed=1, prefix="d")


@pytest.fixture
def mdata(adata):
    return in_two(adata)


@pytest.fixture
def train():
    """Train a small network for two epochs."""

    def train(data, **options):
        quick = {
            "max_epochs": 2,
            "n_latent": 3,
            "batch_size": 16,
            "model_options": {"widths": (4, 8)},
            "progress": False,
        }
        return cr.tl.train_vae(data, **{**quick, "accelerator": "cpu", **options})

    return train
