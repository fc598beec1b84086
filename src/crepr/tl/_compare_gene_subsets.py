from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr.pp._draw_genes import draw_genes, draw_seeds
from crepr.pp._unique_genes import unique_genes
from crepr.tl._gene_subsets import cut_genes, gene_subsets, packed, unpacked
from crepr.tl._summarize_subsets import summarize_subsets
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from anndata import AnnData

    from crepr._types import Data, Seed

#: Name of the draws in the table.
RANDOM = "random"
COLUMNS = ("subset", "draw", "seed", "n_genes")


def compare_gene_subsets(
    data: Data,
    measure: Callable[[Any], Mapping[str, float] | float],
    subsets: Mapping[str, Sequence[str]] | Sequence[str],
    *,
    n_draws: int = 20,
    mod: str | None = None,
    rng: Seed = 0,
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Ask whether selected genes do better in an analysis than as many genes drawn at random.

    The analysis is any function of the data. It is called with the genes of each subset and with random genes, as many
    as each subset has, drawn again and again: one draw, as in :cite:t:`Moser2025`, does not tell how far draws differ.

    A subset that was selected by means of labels has seen the answer if the analysis asks for these labels.

    Parameters
    ----------
    data
        Annotated data.
    measure
        Function that takes `data` cut down to some genes and returns a number, or several by name. It is given a copy of
        its own, to which it may write: an AnnData, or the MuData with modality `mod` cut and the others whole. Where it
        draws at random, let it fix its seed.
    subsets
        Names of genes by name of the subset; or columns of `.var` that say which genes are in, such as
        :func:`crepr.pp.select_genes` writes, one or several. A subset of all genes is measured without draws.
    n_draws
        Random draws of each size that a subset has.
    mod
        Modality of a MuData whose genes are meant; by default its only one.
    rng
        Seed of the draws, or generator.
    n_jobs
        Calls at the same time, by joblib: in processes, or on a Dask cluster inside `joblib.parallel_config("dask")`.
        Draws do not depend on it.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'compare_gene_subsets'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in the MuData if `data` is one, `.uns['compare_gene_subsets' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per call: `subset` (`'random'` for draws), `draw` (from 0) and `seed` (`<NA>` for subsets that were given),
        `n_genes`, and a column for each name that `measure` returns, `value` if it returns a bare number.
        `cr.pp.select_genes(data, method='random', n_genes=n_genes, rng=seed)` selects the genes of a draw.
    `['summary']` : :class:`pandas.DataFrame`
        One row per subset given and measure: `subset`, `n_genes`, `measure`, `value`; `random_mean`, `random_sd`,
        `random_min`, `random_max` of the draws of the same size; `n_draws`, those with a value that is not NaN;
        `reached`, the share of draws whose value is at least as high, `(b + 1) / (n_draws + 1)`, which is the p-value of
        a test against random genes where high is good.
    `['params']` : :class:`dict`
        The options used, and the genes of each subset.

    Raises
    ------
    KeyError
        If genes, columns or the modality are missing.
    TypeError
        If an option has the wrong type, or `measure` does not return numbers.
    ValueError
        If a subset is empty or holds a gene twice, an option is out of range, or calls return different names.
    RuntimeError
        If `measure` raises: says for which genes. Nothing is written then.

    Examples
    --------
    >>> from sklearn.metrics import silhouette_score
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> sc.pp.log1p(rna)
    >>> cr.pp.select_genes(rna, n_comps=4)
    >>> measure = lambda genes: {"silhouette of regions": silhouette_score(genes.X, genes.obs["region"])}
    >>> cr.tl.compare_gene_subsets(rna, measure, "select_genes", progress=False)
    >>> cr.get.compare_gene_subsets(rna)
    """
    from joblib import Parallel, delayed

    if not callable(measure):
        raise TypeError(f"measure must be a function of annotated data, got {measure!r}.")
    _validate.jobs(n_jobs)
    n_draws, seed = _validate.integer("n_draws", n_draws, minimum=1), _validate.seed("rng", rng)
    key = _keys.COMPARE_GENE_SUBSETS if key_added is None else key_added
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod)
    claim_key(data, "compare_gene_subsets", key)
    _validate.some_cells(adata.obs_names)
    unique_genes(adata.var_names)
    chosen = gene_subsets(adata, subsets)
    if RANDOM in chosen:
        raise ValueError(f"subsets holds {RANDOM!r}, which names the draws. Give this subset another name.")
    calls: list[tuple[str, int | None, int | None, np.ndarray]] = [
        (name, None, None, genes) for name, genes in chosen.items()
    ]
    for size in sorted({len(genes) for genes in chosen.values()} - {adata.n_vars}):
        seeds = draw_seeds((seed, size), n_draws)
        calls += [(RANDOM, draw, one, draw_genes(adata.n_vars, size, one)) for draw, one in enumerate(seeds)]
    bar = tqdm(calls, desc="subsets", disable=not progress)
    # cut as calls are made, so that few copies are there at a time, and only they travel to other processes
    found = Parallel(n_jobs=n_jobs)(
        delayed(_call)(measure, packed(cut_genes(data, adata, call[-1])), *call) for call in bar
    )

    rows = [(name, draw, one, len(genes)) for name, draw, one, genes in calls]
    table = pd.DataFrame(rows, columns=list(COLUMNS)).astype({"draw": "Int64", "seed": "Int64"})
    table = table.join(_tabulate(found))
    params = {
        "measure": getattr(measure, "__name__", type(measure).__name__),
        "subsets": {name: adata.var_names[genes] for name, genes in chosen.items()},
        "n_draws": n_draws,
        "mod": mod,
        "seed": seed,
    }
    write(data, "compare_gene_subsets", key, params=params, results=table, summary=summarize_subsets(table))
    return data if copy else None


def _call(
    measure: Callable[[Any], Mapping[str, float] | float],
    part: AnnData | dict[str, Any],
    name: str,
    draw: int | None,
    seed: int | None,
    genes: np.ndarray,
) -> dict[str, float]:
    """Measure one subset; what goes wrong is told with its name."""
    which = f"subset {name!r}" if draw is None else f"random draw {draw} (seed {seed}) of {len(genes)} genes"
    try:
        result = measure(unpacked(part))
    except Exception as error:
        raise RuntimeError(
            f"measure failed for {which}, and nothing is written, not of other calls either. {type(error).__name__}: {error}"
        ) from error
    values = dict(result) if isinstance(result, Mapping) else {"value": result}
    for column, value in values.items():
        if _validate.key("names returned by measure", column) in COLUMNS:
            raise ValueError(f"measure returned {column!r}, a column of the table of its own. Give it another name.")
        if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
            raise TypeError(
                f"measure must return a number, or numbers by name; for {which} {column!r} is {value!r} of type "
                f"{type(value).__name__}."
            )
        if np.isinf(value):
            raise ValueError(
                f"measure must return finite numbers, or NaN for no value; for {which} {column!r} is {value}."
            )
    return {column: float(value) for column, value in values.items()}


def _tabulate(found: list[dict[str, float]]) -> pd.DataFrame:
    """Return a row per call; raise unless all have the same values."""
    names = list(found[0])
    for values in found:
        if set(values) != set(names):
            raise ValueError(
                f"measure returned {_validate.listing(names)} for some genes and {_validate.listing(values)} for others. "
                f"Return NaN where there is no value."
            )
    if not names:
        raise ValueError("measure returned no values. Return a number, or numbers by name.")
    return pd.DataFrame(found, columns=names)
