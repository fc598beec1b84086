from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix

from crepr import _validate, pp
from crepr.datasets._simulate_tissue import simulate_tissue
from crepr.datasets._temporary_folder import temporary_folder
from crepr.datasets._tissue_images import CHANNELS
from crepr.datasets._tissue_types import CELL_TYPES
from crepr.datasets._write_tissue import write_tissue

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crepr._types import PathLike, Seed
    from crepr.datasets._simulate_tissue import Tissue


def synthetic_tissue(
    n_obs: int = 1500,
    *,
    n_genes: int = 60,
    size: int = 48,
    pixel_size: float = 0.5,
    path: PathLike | None = None,
    rng: Seed = 0,
) -> MuData:
    """Make a section of gut with a known answer: stains, transcripts and label images of ten cell types.

    Villi and crypts of columnar epithelium, a stroma of fibroblasts and immune cells, and a layer of muscle, seen by
    a microscope with blur, uneven background, shot noise and camera noise. The commonest type has at least twenty
    times the cells of the rarest (from about 300 cells on). Use it to try an analysis and to test one; it is far
    more regular than tissue, so no method should be judged good because it does well here.

    .. image:: /_static/synthetic_tissue.png

    What is true:

    * T CD4 and T CD8 differ in expression only; resting and active macrophages in the lobes of their nuclei and the
      stripes of their membrane only.
    * Half of the genes follow the cell type, a quarter a measure of the cell's own morphology whatever its type
      (nuclear area, elongation of the nucleus, granularity), a quarter nothing: `.var["driver"]`.
    * Molecules lie in the nucleus, at the membrane or anywhere in the cell: `.var["localisation"]`; three in a
      hundred lie anywhere in the image.
    * The right half of the image is 13 % dimmer, with 13 % fewer molecules: `.obs["batch"]`.

    Parameters
    ----------
    n_obs
        Cells; all have their centre in the image. The section grows wider, and up to 700 micrometres taller.
    n_genes
        Genes; with fewer than 18 some cell types have no gene of their own.
    size
        Pixels per side of the crops that are registered.
    pixel_size
        Micrometres per pixel, at most 1.
    path
        Folder for the OME-Zarr image (`tissue.ome.zarr`, with label images `cells` and `nuclei`) and the table of
        molecules (`transcripts.parquet`), which are replaced if they exist. By default a temporary folder that is
        removed when Python ends.
    rng
        Source of all random numbers; the same seed gives the same data.

    Returns
    -------
    MuData with `.obs["cell_type"]`, `.obs["batch"]` and two modalities of the same cells, both with these columns,
    `.obsm["spatial"]` (centroid of the cell, x and y in micrometres) and `.uns["cell_type_colors"]`:

    `"rna"`
        Counts of the molecules in each cell (float32, sparse); `.obs["region"]`; `.var["driver"]`,
        `.var["localisation"]`; molecules registered by :func:`crepr.pp.transcripts`.
    `"stain"`
        Mean intensity of each channel in each cell; `.obs` with `cell_area` and `nuclear_area` (square micrometres),
        `elongation` (length by width of the nucleus), `axis` (of the long axis, radians from x towards y) and
        `granularity` (granules per four square micrometres of cytoplasm, as expected) and `label` (in the label
        images); crops and masks registered by :func:`crepr.pp.crops` and :func:`crepr.pp.masks`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is out of range, or the image of `n_obs` cells is smaller than one crop.
    PermissionError
        If `path` cannot be written to.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mdata["rna"].shape, mdata["stain"].obsm["crops"].columns.tolist()
    ((300, 60), ['image', 'y', 'x'])
    """
    n_obs = _validate.integer("n_obs", n_obs, minimum=1)
    n_genes = _validate.integer("n_genes", n_genes, minimum=1)
    size = _validate.integer("size", size, minimum=1)
    pixel_size = _validate.number("pixel_size", pixel_size, minimum=0, exclusive=True)
    if pixel_size > 1:
        raise ValueError(f"pixel_size must be at most 1 micrometre, or nuclei have too few pixels; got {pixel_size}.")
    tissue = simulate_tissue(n_obs, n_genes=n_genes, pixel_size=pixel_size, rng=np.random.default_rng(rng))
    height, width = tissue.labels.shape
    if size > min(height, width):
        raise ValueError(
            f"size={size} is larger than the image of {n_obs} cells ({height} x {width} pixels). Raise n_obs or lower size."
        )
    folder = temporary_folder("tissue") if path is None else _validate.writable_folder("path", path)
    store = folder / "tissue.ome.zarr"
    write_tissue(
        store,
        tissue.image,
        {"cells": tissue.labels, "nuclei": tissue.nuclei},
        channels=CHANNELS,
        colors=("3060FF", "FFC840"),
        pixel_size=pixel_size,
    )

    mdata = _annotate(tissue, pixel_size)
    pp.crops(mdata, store, size=size, pixel_size=pixel_size, mod="stain")
    pp.masks(mdata, store / "labels" / "cells", labels="label", mod="stain")
    named = tissue.molecules.assign(
        gene=_categorical(tissue.molecules["gene"], tissue.genes.index),
        cell=_categorical(tissue.molecules["cell"], mdata.obs_names),
    )
    pp.transcripts(
        mdata,
        named,
        cell="cell",
        mod="rna",
        pixel_size=1.0,
        path=folder / "transcripts.parquet",
        overwrite=True,
        progress=False,
    )
    return mdata


def _annotate(tissue: Tissue, pixel_size: float) -> MuData:
    """Counts, mean intensities and truth of every cell."""
    cells, molecules = tissue.cells, tissue.molecules
    n_obs = len(cells)
    obs = pd.DataFrame(
        {
            "cell_type": _categorical(cells["type"], [kind.name for kind in CELL_TYPES]),
            "batch": _categorical(cells["batch"], [f"field_{i + 1}" for i in range(cells["batch"].max() + 1)]),
        },
        index=[f"cell_{i + 1:0{len(str(n_obs))}d}" for i in range(n_obs)],
    )
    # mean over the pixels of each cell
    row, column = np.nonzero(tissue.labels)
    values = np.column_stack([column + 0.5, row + 0.5, *(plane[row, column] for plane in tissue.image)])
    owner = tissue.labels[row, column] - 1
    n_pixels = np.bincount(owner)
    means = np.column_stack([np.bincount(owner, weights=value) / n_pixels for value in values.T])

    cell, gene = molecules.loc[molecules["cell"] >= 0, ["cell", "gene"]].to_numpy().T
    counts = csr_matrix((np.ones(len(cell), dtype=np.float32), (cell, gene)), shape=(n_obs, len(tissue.genes)))
    rna = AnnData(counts, obs=obs.assign(region=pd.Categorical(cells["region"])), var=tissue.genes)
    truth = cells[["nuclear_area", "elongation", "angle", "granularity"]].set_axis(obs.index)
    truth = truth.rename(columns={"angle": "axis"}).assign(
        cell_area=n_pixels * pixel_size**2, label=np.arange(1, n_obs + 1)
    )
    stain = AnnData(means[:, 2:].astype(np.float32), obs=obs.join(truth))
    stain.var_names = list(CHANNELS)
    for adata in (rna, stain):
        adata.obsm["spatial"] = means[:, :2] * pixel_size
    mdata = MuData({"rna": rna, "stain": stain})
    mdata.obs = obs
    for data in (rna, stain, mdata):
        data.uns.update(cell_type_colors=np.array([kind.color for kind in CELL_TYPES]))
    return mdata


def _categorical(codes: Iterable[int], categories: Iterable[str]) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(list(codes), dtype=pd.CategoricalDtype(list(categories)))
