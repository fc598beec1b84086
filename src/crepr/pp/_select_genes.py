from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr.pp._draw_genes import draw_genes, draw_seeds
from crepr.pp._gene_values import gene_values
from crepr.pp._genes_by_loading import genes_by_loading
from crepr.pp._genes_by_rank import genes_by_rank
from crepr.pp._unique_genes import unique_genes

if TYPE_CHECKING:
    from anndata import AnnData

    from crepr._types import Data, Seed

#: What counts would do.
COUNTS = "and the most abundant genes would be selected"
#: Options that each method takes beside `n_genes`.
METHODS = {"pca": ("n_comps", "layer"), "rank": ("groupby", "layer"), "random": ("n_draws", "rng")}


def select_genes(
    data: Data,
    *,
    method: Literal["pca", "rank", "random"] = "pca",
    n_genes: int | None = None,
    n_comps: int | Literal["elbow"] | None = None,
    groupby: str | None = None,
    n_draws: int | None = None,
    layer: str | None = None,
    mod: str | None = None,
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Select a few genes that stand for all: those of the main axes of variation, markers of labels, or any.

    The three subsets of :cite:t:`Moser2025`, who select 25, 19 and 19 of the 241 genes of mouse ileum:

    * `'pca'`: the genes with the largest absolute loadings on each of the first principal components. Genes are centred
      and not scaled, so genes that vary more count more. No labels are used.
    * `'rank'`: the genes highest in each label against all other cells by Wilcoxon's rank-sum test, without correction
      for ties, as scanpy ranks them. The subset has seen the labels: that it finds them again is no result.
    * `'random'`: any genes. One draw says little; to see what a selection gains over many draws, use
      :func:`crepr.tl.compare_gene_subsets`.

    Parameters
    ----------
    data
        Annotated data with log-normalised values.
    method
        `'pca'`, `'rank'` or `'random'`.
    n_genes
        Genes of each component (3 by default), of each label (1 by default), or of each random draw (to be given). The
        same gene can stand for several components or labels and counts once.
    n_comps
        For `'pca'`: number of components, fewer than cells and than genes; 15 in :cite:t:`Moser2025`. By default
        `'elbow'`: of the first 50 components those up to the one that lies deepest below the chord, a straight line from
        the first to the last, of the logarithms of their variance. It finds 15 on mouse ileum, too.
    groupby
        For `'rank'`: column of `.obs` with at least two labels of at least two cells each.
    n_draws
        For `'random'`: number of draws, each without replacement; 1 by default.
    layer
        For `'pca'` and `'rank'`: key of `.layers` with the values; `.X` by default.
    mod
        Modality of a MuData; by default its only one.
    rng
        For `'random'`: seed of the first draw, or a generator that draws it.
    key_added
        Key in `.var` or `.varm` and in `.uns`; `'select_genes'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality:

    `.var['select_genes' | key_added]` : :class:`bool`
        Which genes are selected. Not for several draws, of which none is *the* selection; for these
        `.varm['select_genes' | key_added]`, bool, of shape `(n_vars, n_draws)`.
    `.uns['select_genes' | key_added]['results']` : :class:`pandas.DataFrame`
        For `'pca'` a row per component and rank: `gene`, `component` (from 1), `loading` (with its sign, which is
        arbitrary for the component as a whole), `rank` (from 1). For `'rank'` a row per label and rank: `gene`, `label`,
        `score` (standardised rank sum), `rank`. For `'random'` a row per draw and gene: `gene`, `draw` (from 0), `seed`
        (`rng=seed` repeats this draw alone).
    `.uns['select_genes' | key_added]['variance_ratio']` : :class:`numpy.ndarray`
        For `'pca'`: share of the variance of each component that was looked at.
    `.uns['select_genes' | key_added]['params']` : :class:`dict`
        The options used; `n_comps` is the number that was found.

    Raises
    ------
    KeyError
        If the layer, the modality or the labels are missing.
    TypeError
        If an option has the wrong type or is not of the method, or one that it needs is not given.
    ValueError
        If an option is out of range, there are more genes to select than there are, a label has a single cell, values
        are not finite or do not vary, or the key holds something else.

    Warns
    -----
    UserWarning
        If all values are whole numbers, as those of raw counts are.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.log1p(mdata["rna"])
    >>> cr.pp.select_genes(mdata, mod="rna", n_comps=4)
    >>> mdata["rna"].var_names[mdata["rna"].var["select_genes"]]
    >>> cr.pp.select_genes(mdata, mod="rna", method="rank", groupby="region", key_added="markers")
    >>> cr.get.select_genes(mdata, key_added="markers")
    >>> cr.pp.select_genes(mdata, mod="rna", method="random", n_genes=8, n_draws=20, key_added="any")
    >>> mdata["rna"].varm["any"].sum(axis=0)
    """
    options = _options(method, n_genes=n_genes, n_comps=n_comps, groupby=groupby, n_draws=n_draws, layer=layer, rng=rng)
    key = _validate.key("key_added", _keys.SELECT_GENES if key_added is None else key_added)
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod)
    _claim(adata, key)
    _validate.some_cells(adata.obs_names)
    unique_genes(adata.var_names)
    if options["n_genes"] > adata.n_vars:
        raise ValueError(f"n_genes must be at most the number of genes ({adata.n_vars}), got {options['n_genes']}.")

    entries: dict[str, Any] = {}
    if method == "pca":
        table, entries["variance_ratio"] = _by_loading(adata, options)
        options["n_comps"] = int(table["component"].max())
    elif method == "rank":
        table = _by_rank(data, adata, options)
    else:
        table = _by_chance(adata, options)
    _write(adata, key, table, params={"method": method, **options}, **entries)
    return data if copy else None


def _options(method: str, **given: Any) -> dict[str, Any]:
    """Return the options of the method with its defaults; raise for those of others."""
    _validate.choice("method", method, list(METHODS))
    n_genes, rng = given.pop("n_genes"), given.pop("rng")
    # a seed of 0 is the default and cannot be told from one that was given
    default_rng = isinstance(rng, int | np.integer) and rng == 0
    asked = [name for name, value in given.items() if value is not None] + ([] if default_rng else ["rng"])
    for name in asked:
        if name not in METHODS[method]:
            takers = _validate.listing([other for other, names in METHODS.items() if name in names])
            raise TypeError(f"{name} is an option of method={takers}, not of {method!r}. Leave it out.")
    options = {name: given[name] for name in METHODS[method] if name != "rng"}
    if method == "pca":
        n_comps = options["n_comps"]
        options["n_comps"] = "elbow" if n_comps is None else n_comps
        if options["n_comps"] != "elbow":
            _validate.integer("n_comps", n_comps, minimum=1, other=" or 'elbow'")
    elif method == "rank":
        if options["groupby"] is None:
            raise TypeError("method='rank' needs labels. Set groupby to a column of .obs.")
    else:
        if n_genes is None:
            raise TypeError("method='random' needs a number of genes. Set n_genes.")
        options["n_draws"] = 1 if options["n_draws"] is None else options["n_draws"]
        _validate.integer("n_draws", options["n_draws"], minimum=1)
        options["seed"] = _validate.seed("rng", rng)
    default = {"pca": 3, "rank": 1}
    return {
        "n_genes": _validate.integer("n_genes", default[method] if n_genes is None else n_genes, minimum=1)
    } | options


def _claim(adata: AnnData, key: str) -> None:
    """Raise if the result would be written over what another wrote."""
    entry = adata.uns.get(key)
    _record.claim(entry, "pp.select_genes", f".uns has an entry {key!r}", there=entry is not None)
    _record.claim(entry, "pp.select_genes", f".var has a column {key!r}", there=key in adata.var)
    _record.claim(entry, "pp.select_genes", f".varm has an array {key!r}", there=key in adata.varm)


def _by_loading(adata: AnnData, options: dict[str, Any]) -> tuple[pd.DataFrame, np.ndarray]:
    n_comps = None if options["n_comps"] == "elbow" else int(options["n_comps"])
    if n_comps is not None and n_comps >= min(adata.shape):
        raise ValueError(
            f"n_comps must be less than the number of cells ({adata.n_obs}) and of genes ({adata.n_vars}), got {n_comps}."
        )
    values = gene_values(adata, options["layer"], otherwise=COUNTS)
    return genes_by_loading(values, adata.var_names, n_comps=n_comps, n_genes=options["n_genes"])


def _by_rank(data: Data, adata: AnnData, options: dict[str, Any]) -> pd.DataFrame:
    groupby = options["groupby"]
    labels = _access.cell_groups(data, adata, groupby)
    if len(labels.categories) < 2:
        raise ValueError(f"groupby={groupby!r} has a single group, {labels.categories[0]!r}: nothing to compare with.")
    single = labels.categories[np.bincount(labels.codes) < 2]
    if len(single):
        raise ValueError(
            f"groupby={groupby!r} has groups with a single cell, which cannot be ranked: {_validate.listing(single)}. "
            f"Remove these cells, or join the groups with others."
        )
    return genes_by_rank(
        gene_values(adata, options["layer"], otherwise=COUNTS), adata.var_names, labels, n_genes=options["n_genes"]
    )


def _by_chance(adata: AnnData, options: dict[str, Any]) -> pd.DataFrame:
    seed, n_genes, n_draws = options["seed"], options["n_genes"], options["n_draws"]
    # the first draw is that of the seed itself, so that any of them can be repeated alone
    seeds = [seed, *draw_seeds(seed, n_draws - 1)]
    genes = np.concatenate([draw_genes(adata.n_vars, n_genes, one) for one in seeds])
    return pd.DataFrame(
        {
            "gene": adata.var_names[genes].to_numpy(),
            "draw": np.repeat(np.arange(n_draws), n_genes),
            "seed": np.repeat(np.array(seeds, dtype=np.int64), n_genes),
        }
    )


def _write(adata: AnnData, key: str, table: pd.DataFrame, **entries: Any) -> None:
    _record.own(adata)
    rows = adata.var_names.get_indexer(pd.Index(table["gene"]))
    draws = table["draw"].to_numpy() if "draw" in table else np.zeros(len(table), dtype=int)
    selected = np.zeros((adata.n_vars, draws.max() + 1), dtype=bool)
    selected[rows, draws] = True
    # of an earlier selection of another shape
    adata.var = cast("pd.DataFrame", adata.var).drop(columns=key, errors="ignore")
    if key in adata.varm:
        del adata.varm[key]
    if selected.shape[1] > 1:
        adata.varm[key] = selected
    else:
        adata.var[key] = selected[:, 0]
    _record.record(adata, key, function="select_genes", results=table, **entries)
