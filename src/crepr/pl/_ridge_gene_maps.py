from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from anndata import AnnData
from matplotlib.colors import Normalize
from scipy.sparse import issparse

from crepr import _access, _keys, _validate
from crepr.get._recorded import entry_of, owner_of_record
from crepr.pl._colormap import colormap
from crepr.pl._inches import inches
from crepr.pl._style import LABEL_SIZE, SMALL_SIZE
from crepr.tl._cell_columns import names_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes
    from matplotlib.colors import Colormap
    from matplotlib.figure import Figure

    from crepr._types import Data

# inches of the longer side of a map, and of names and bar
SIDE, MARGIN = 2.4, 0.9
# colours do not depend on single cells
PERCENTILES = (1, 99)


def ridge_gene_maps(
    data: Data,
    genes: str | Sequence[str] | None = None,
    *,
    key_added: str | None = None,
    mod: str | None = None,
    response: AnnData | None = None,
    spatial_key: str = "spatial",
    cmap: str | Colormap = "viridis",
    size: float | None = None,
    figsize: tuple[float, float] | None = None,
) -> Figure:
    """Show genes over the tissue, as observed and as predicted from a representation for cells that were held out.

    A row per gene; both maps have one scale, so that predictions that are pulled to the mean look so. Cells that were never held out are
    light grey.

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.ridge_genes` wrote to.
    genes
        Genes whose predictions were kept, see `predict` there; the four with the largest R2 by default.
    key_added
        Key in `.uns` and `.obsm`; `'ridge_genes'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.
    response
        The AnnData that was predicted, if it is not part of `data`.
    spatial_key
        Key of `.obsm` with the positions (x, y) of cells.
    cmap
        Colour map.
    size
        Area of a cell in square points; by default so that cells about touch.
    figsize
        Width and height in inches.

    Returns
    -------
    The figure.

    Raises
    ------
    KeyError
        If nothing is recorded under that key, or the predictions or observations of a gene or the positions are missing.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have the key, or `response` has other cells.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.log1p(mdata["rna"])
    >>> cr.tl.ridge_genes(mdata, use_rep="spatial", mod="stain", response="rna", cv=5)
    >>> cr.pl.ridge_gene_maps(mdata)
    """
    key = _keys.RIDGE_GENES if key_added is None else key_added
    owner = owner_of_record(data, key, mod=mod, hint="Run cr.tl.ridge_genes first, or set key_added.")
    entry = entry_of(owner, key, hint="Run cr.tl.ridge_genes again.")
    _validate.has_key(owner.obsm, key, where=".obsm", hint="Run cr.tl.ridge_genes with predict.")
    predicted = pd.DataFrame(owner.obsm[key])
    scores = entry["results"].set_index("gene")["r2"]
    kept = [gene for gene in scores.index if _column(gene) in predicted]
    wanted = scores[kept].nlargest(4).index if genes is None else genes
    shown = names_of("genes", wanted)
    if not shown:
        raise KeyError("There is no gene to show: no predictions were kept. Run cr.tl.ridge_genes with predict.")
    for gene in shown:
        _validate.has_key(
            kept, gene, where="the predictions kept", hint=f"Run cr.tl.ridge_genes with predict=[{gene!r}]."
        )
    observed = _observed(data, owner, response, entry["params"], shown)
    placed = _access.same_cells_with(data, owner, spatial_key)
    _validate.has_key(
        placed.obsm, spatial_key, where=".obsm", hint="Set spatial_key to the positions (x, y) of the cells."
    )
    _validate.some_cells(placed.obs_names)
    xy = np.asarray(placed.obsm[spatial_key])[:, :2]

    extent = np.ptp(xy, axis=0)
    width, height = SIDE * extent / extent.max()
    fig, grid = plt.subplots(
        len(shown), 2, squeeze=False, layout="constrained",
        figsize=inches(figsize, (2 * width + MARGIN + 0.3, len(shown) * (height + 0.25))),
    )  # fmt: skip
    area = size or float(np.clip(0.6 * width * height * 72**2 / len(xy), 0.5, 60))
    for row, gene, values in zip(grid, shown, observed.T, strict=True):
        scale = Normalize(*np.percentile(values, PERCENTILES))
        for ax, part, title in zip(
            row, (values, predicted[_column(gene)].to_numpy()), ("observed", "predicted"), strict=True
        ):
            _draw(ax, xy, part, scale, cmap, area)
            ax.set_title(f"{gene}, {title}" + (f", R² {scores[gene]:.2f}" if ax is row[1] else ""), fontsize=LABEL_SIZE)
        bar = fig.colorbar(row[0].collections[-1], ax=row, aspect=20, shrink=0.7, pad=0.02)
        bar.ax.tick_params(labelsize=SMALL_SIZE, length=2)
        bar.outline.set_visible(False)
        bar.set_label(entry["params"]["layer"] or "expression", fontsize=SMALL_SIZE)
    return fig


def _column(gene: str) -> str:
    """Return the column of a gene in the predictions, as :func:`crepr.tl.ridge_genes` writes it."""
    return gene.replace("/", "_")


def _observed(data: Data, owner: Data, response: AnnData | None, params: Any, genes: list[str]) -> np.ndarray:
    """Return what was observed, `(n, len(genes))`."""
    if response is not None and not isinstance(response, AnnData):
        raise TypeError(f"response must be an AnnData, got {response!r}. Leave it out for what is in data.")
    parts = _access.modalities(data, params["response"]).values() if params["response_in_data"] else ()
    candidates = parts if response is None else [response]
    found = next((item for item in candidates if all(gene in item.var_names for gene in genes)), None)
    if found is None:
        raise KeyError(
            f"{_validate.listing(genes)} are not in data. Set response to the AnnData that cr.tl.ridge_genes was given."
        )
    if not found.obs_names.equals(owner.obs_names):
        raise ValueError("response must have the cells of data, in its order: response[data.obs_names].")
    part = found[:, genes]
    values: Any = part.X if params["layer"] is None else part.layers[params["layer"]]
    return values.toarray() if issparse(values) else np.asarray(values)


def _draw(ax: Axes, xy: np.ndarray, values: np.ndarray, scale: Normalize, cmap: str | Colormap, area: float) -> None:
    known = np.isfinite(values)
    ax.scatter(xy[~known, 0], xy[~known, 1], s=area, color="0.9", linewidth=0, rasterized=True)
    ax.scatter(
        xy[known, 0],
        xy[known, 1],
        s=area,
        c=values[known],
        norm=scale,
        cmap=colormap(cmap),
        linewidth=0,
        rasterized=True,
    )
    # as in the image
    ax.invert_yaxis()
    ax.set_aspect("equal")
    ax.set_axis_off()
