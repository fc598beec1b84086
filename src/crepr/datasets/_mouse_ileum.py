from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData
from scipy.sparse import csr_matrix

from crepr import _keys

if TYPE_CHECKING:
    from crepr._types import PathLike

SOURCE = (
    "https://raw.githubusercontent.com/ciminilab/2025_Moser_Hamid_submitted/274c31c358ffdd7eb5280e99d7db09b63b8476ef/"
    "VAE_SpotCount_CombinedApproach/data_restructured/"
)
COUNTS, CELLS, TYPES, LATENTS = FILES = (
    "gene_counts.csv",
    "cell_meta_data.csv",
    "cell_assignment.csv",
    "staining_crops_model_inference_VSTE-322.csv",
)
HASHES = (
    "2043d53473df2d2d76c19d5e0e782ca5f25dca6ced4f68dbfec165327af37c36",
    "7934b796e3fa17a129c70a2d8367f3c10621269ddf668343ccdcb0834b92afa5",
    "480e4646a6af8dd5d416533f29114cf445697e6dc907349b72de88a86ac09c4c",
    "a3adf258ac324769580852f28c03973ef5f8abb2afc787dcde352c0eb65b0eb7",
)
# a gene needs more transcripts than this, a cell at least so many of such genes
GENE_TOTAL, CELL_TOTAL = 100, 10


def mouse_ileum(path: PathLike | None = None) -> MuData:
    """Read MERFISH counts of mouse ileum :cite:p:`Petukhov2022` and the published latents of its stains :cite:p:`Moser2025`.

    5,192 cells of 19 types: those annotated, with at least 10 transcripts of genes that have more than 100 in all. There
    are no images. MERFISH reads the gene of each spot from a code of several rounds of imaging :cite:p:`Chen2015`.

    Parameters
    ----------
    path
        Folder with the four files as published, which are downloaded to it where they are missing; by default a cache. Each is known by its
        hash.

    Returns
    -------
    MuData with modalities

    `'rna'` : :class:`anndata.AnnData`
        `.X` counts of 241 genes; `.obs` `cell_type`, `area`, `n_transcripts`; `.obsm['spatial']` in pixels.
    `'stain'` : :class:`anndata.AnnData`
        `.obsm['X_vae']`, 50 latents of the DAPI and membrane stains, called LS2 in the paper.

    Raises
    ------
    OSError
        If files are missing and cannot be downloaded, or written to `path`.
    ValueError
        If a file is not the one that was published.

    Examples
    --------
    >>> mdata = cr.datasets.mouse_ileum()  # doctest: +SKIP
    >>> mdata["rna"].obs["cell_type"].value_counts()  # doctest: +SKIP
    """
    import pooch

    store = pooch.create(
        path=pooch.os_cache("crepr") / "mouse_ileum" if path is None else path,
        base_url=SOURCE,
        registry={name: f"sha256:{known}" for name, known in zip(FILES, HASHES, strict=True)},
    )
    counts, cells, annotation, latents = (pd.read_csv(store.fetch(name), index_col=0).sort_index() for name in FILES)
    frequent = counts.loc[:, counts.sum() > GENE_TOTAL]
    types = annotation["leiden_final"]
    kept = frequent.index[(frequent.sum(axis=1) >= CELL_TOTAL).to_numpy()]
    kept = kept.intersection(types.index[(types != "Removed").to_numpy()])
    kept = kept.intersection(latents.index)
    names, cells = kept.astype(str), cells.loc[kept]
    obs = pd.DataFrame(
        {
            "cell_type": pd.Categorical(types.loc[kept].array),
            "area": cells["area"].to_numpy(),
            "n_transcripts": cells["n_transcripts"].to_numpy(),
        },
        index=names,
    )
    rna = AnnData(
        csr_matrix(counts.loc[kept].to_numpy(np.float32)),
        obs=obs,
        var=pd.DataFrame(index=counts.columns),
    )
    rna.obsm["spatial"] = cells[["x", "y"]].to_numpy()
    stain = AnnData(obs=pd.DataFrame(index=names))
    stain.obsm[_keys.X_VAE] = latents.loc[kept].to_numpy(np.float32)
    return MuData({"rna": rna, "stain": stain})
