from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from scipy.sparse import issparse

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._corrections import CORRECTIONS, corrected
from crepr.tl._cross_validation import cross_validation
from crepr.tl._features import feature_names
from crepr.tl._response import find_response
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from anndata import AnnData
    from scipy.sparse import csr_matrix

    from crepr._types import Data, Seed
    from crepr.stats._ridge import RidgeScores


def ridge_genes(
    data: Data,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    response: str | AnnData | None = None,
    layer: str | None = None,
    alpha: float | Sequence[float] = 1.0,
    standardize: bool = True,
    cv: int | Literal["split", "spatial", "groups"] = "split",
    groups: str | None = None,
    block_size: float | None = None,
    buffer: float | None = None,
    spatial_key: str = "spatial",
    n_perms: int = 0,
    correction: str | None = "fdr_bh",
    scope: Literal["all", "gene"] = "all",
    predict: int | Sequence[str] = 12,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    r"""Predict each gene from a representation: which genes does the look of a cell tell?

    A ridge regression :cite:p:`Hoerl1970` of each gene on all columns of the representation, judged by R2 on cells that were held out:

    .. math:: R^2 = 1 - \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \bar y)^2}

    1 is perfect, 0 as good as the mean, below 0 worse. Beside it each column is tested alone, by an F-test over all cells; with thousands
    of cells that finds the smallest correlation, and says little of prediction.

    Neighbouring cells are alike and their crops overlap, so that a random split, as published, also scores what was seen next door.
    `cv='spatial'` holds out blocks of tissue with a margin; report both.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    response
        Modality with the genes, or an AnnData of the same cells; by default `data` itself, or the only other modality. Values are to be
        normalised and logarithms. Sparse ones stay sparse.
    layer
        Layer of the response; `.X` by default.
    alpha
        Penalty on the coefficients; of several, the one with the smallest squared error in inner folds of the cells that are fitted is chosen for
        each gene and fold. 1 is that of :cite:t:`Moser2025`.
    standardize
        Divide each column of the representation by its standard deviation in the cells that are fitted, so that `alpha` does not depend on units.
    cv
        How cells are held out: `'split'`, a random fifth once, as published; an integer, so many folds; `'spatial'`, five folds of
        blocks of tissue; `'groups'`, each of the `groups` in turn.
    groups
        Column of `.obs`, such as samples or slides, whose groups are not divided between cells to fit and to predict; with blocks, each is
        divided on its own.
    block_size
        Side of the blocks, in units of the positions; with an integer `cv`, so many folds of blocks. By default five crops.
    buffer
        Cells nearer than this to a cell that is predicted, along x and along y, in units of the positions, are not fitted. By default the width of a
        crop, so that no pixel is on both sides.
    spatial_key
        Key of `.obsm` with the positions (x, y) of cells, an array of shape `(n_obs, 2)`.
    n_perms
        Permutations of the cells of the representation, within `groups` if there are any, that R2 is compared with. They show what chance gives
        without any relation; they do not account for the likeness of neighbours.
    correction
        How the p-values of F-tests and permutations are corrected, a method of :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    scope
        What F-tests are corrected for: `'all'` pairs of columns and genes, or the columns within each `'gene'`.
    predict
        Genes whose predictions of held-out cells are kept: names, or how many of those with the largest R2.
    rng
        Seed or generator of folds and permutations.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    progress
        Show a bar.
    key_added
        Key in `.uns` and `.obsm`; `'ridge_genes'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the genes or they are in an AnnData of their own,
    else in the MuData:

    `.uns['ridge_genes' | key_added]['results']` : :class:`pandas.DataFrame`
        One row per gene, in the order of `.var_names`: `gene`; `r2`, `r2_sd`, `pearson`, `pearson_sd` (over the `n_folds` in which the gene
        is not constant in the cells held out; NaN if there are none); `alpha` (median over folds); `best_latent` (column of the representation
        with the smallest p), `correlation` (with that column), `pval`, `pval_adj`; `mean`, `fraction` (of cells in which it is not 0); with
        `n_perms` also `r2_null` (mean), `r2_pval`, `r2_pval_adj`.
    `.uns['ridge_genes' | key_added]['folds']` : :class:`pandas.DataFrame`
        One row per fold: `fold`, `n_train`, `n_test`.
    `.uns['ridge_genes' | key_added]['params']` : :class:`dict`
        The options used.
    `.obsm['ridge_genes' | key_added]` : :class:`pandas.DataFrame`
        Predictions for cells when held out, a column per gene ('/' as '_'); NaN for cells that never were.

    Raises
    ------
    KeyError
        If the representation, a column, a layer or the positions are missing.
    TypeError
        If an option has the wrong type, or the response holds no numbers.
    ValueError
        If the response is of other cells or not finite, there are too few cells, blocks or groups, no crops to take sizes from, or an option has no
        such value.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> sc.pp.normalize_total(mdata["rna"])
    >>> sc.pp.log1p(mdata["rna"])
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.ridge_genes(mdata, response="rna", cv=5)
    >>> cr.get.ridge_genes(mdata).nlargest(5, "r2")[["gene", "r2", "pearson", "pval_adj"]]
    """
    from crepr.stats._folds import inner_folds
    from crepr.stats._pick_device import pick_device
    from crepr.stats._ridge import predict as ridge_predict
    from crepr.stats._ridge import ridge

    penalties = [
        _validate.number("alpha", value, minimum=0, exclusive=True) for value in _validate.grid("alpha", alpha)
    ]
    _validate.integer("n_perms", n_perms, minimum=0)
    _validate.choice("correction", correction, (None, *CORRECTIONS))
    _validate.choice("scope", scope, ("all", "gene"))
    seed, chosen = _validate.seed("rng", rng), pick_device(device, double=True)
    data = _access.copied(data) if copy else data
    key = _keys.RIDGE_GENES if key_added is None else key_added
    owner = _access.owner_of(data, use_rep, mod=mod)
    genes, name, target, y = find_response(data, owner, response, layer)
    claim_key(target, "ridge_genes", key, obsm=True)
    kept = _genes_to_keep(predict, genes)
    x = _access.representation(data, use_rep, mod=mod)
    validation = cross_validation(
        data, owner, cv, groups=groups, block_size=block_size, buffer=buffer, spatial_key=spatial_key, seed=seed
    )  # fmt: skip
    folds = validation.folds
    inner = inner_folds(folds, len(x), units=validation.units, seed=seed) if len(penalties) > 1 else ()

    with tqdm(total=n_perms, desc="permutations", disable=not progress or not n_perms) as bar:
        scores = ridge(
            x, y, folds, alpha=penalties, inner=inner, standardize=standardize, n_perms=n_perms, strata=validation.groups,
            rng=seed, device=chosen, progress=lambda done: bar.update(done - bar.n),
        )  # fmt: skip
    table = _tabulate(scores, y, genes.var_names, feature_names(owner, use_rep))
    adjusted = corrected(scores.pval, correction, axis=None if scope == "all" else 0)
    table.insert(table.columns.tolist().index("pval") + 1, "pval_adj", np.fmin.reduce(adjusted))
    if n_perms:
        table["r2_null"], table["r2_pval"] = scores.null, scores.null_pval
        table["r2_pval_adj"] = corrected(scores.null_pval, correction)
    shown = kept if isinstance(kept, list) else table.nlargest(kept, "r2").index.tolist()
    values: Any = y[:, shown]
    values = values.toarray() if issparse(values) else values
    predicted = ridge_predict(x, values, folds, alpha=scores.alpha[:, shown], standardize=standardize)
    _warn_of_constant(table, len(folds))
    within = any(genes is part for part in _access.modalities(data).values())
    params = {
        "use_rep": use_rep, "response": name, "response_in_data": within, "layer": layer, "alpha": penalties,
        "standardize": standardize, **validation.params, "n_perms": n_perms, "correction": correction, "scope": scope, "seed": seed,
    }  # fmt: skip
    write(
        target,
        "ridge_genes",
        key,
        params=params,
        results=table,
        folds=validation.table(),
        obsm=pd.DataFrame(predicted.astype(np.float32), target.obs_names, genes.var_names[shown]),
    )
    return data if copy else None


def _genes_to_keep(predict: Any, genes: AnnData) -> list[int] | int:
    """Return positions of named genes, or how many of the best."""
    if not genes.var_names.is_unique:
        raise ValueError("The names of the genes of response must be unique. Call .var_names_make_unique() first.")
    if isinstance(predict, str) or not isinstance(predict, Iterable):
        return _validate.integer("predict", predict, minimum=0, other=" or a sequence of genes")
    names = list(dict.fromkeys(predict))
    for name in names:
        _validate.has_key(genes.var_names, name, where="the genes of response", hint="Set predict to some of them.")
    return genes.var_names.get_indexer(pd.Index(names, dtype=object)).tolist()


def _tabulate(scores: RidgeScores, y: np.ndarray | csr_matrix, names: pd.Index, columns: list[str]) -> pd.DataFrame:
    defined = ~np.isnan(scores.r2)
    # as by p, of which several may be 0; a gene that is constant in all cells correlates with no column
    size = np.where(np.isnan(scores.correlation), -1, np.abs(scores.correlation))
    best, genes = size.argmax(0), np.arange(len(names))
    related = ~np.isnan(scores.pval[best, genes])
    return pd.DataFrame({
        "gene": names.astype(str),
        **_over_folds("r2", scores.r2),
        **_over_folds("pearson", scores.pearson),
        "n_folds": defined.sum(0),
        "alpha": np.median(scores.alpha, axis=0),
        "best_latent": np.where(related, np.array(columns)[best], ""),
        "correlation": scores.correlation[best, genes],
        "pval": scores.pval[best, genes],
        "mean": np.asarray(y.sum(axis=0, dtype=np.float64)).ravel() / y.shape[0],
        "fraction": np.asarray((y != 0).mean(axis=0)).ravel(),
    })  # fmt: skip


def _over_folds(name: str, values: np.ndarray) -> dict[str, np.ndarray]:
    """Return mean and standard deviation of what is defined."""
    known = pd.DataFrame(values)
    return {name: known.mean().to_numpy(), f"{name}_sd": known.std().to_numpy()}


def _warn_of_constant(table: pd.DataFrame, n_folds: int) -> None:
    constant = table.loc[table["n_folds"] < n_folds, "gene"]
    if len(constant):
        warn(
            f"{len(constant)} of {len(table)} genes are constant in the held-out cells of some folds, where R2 is undefined "
            f"({_validate.listing(constant, limit=5)}). They count in the others only."
        )
