from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def compare_gene_subsets(
    data: Data,
    *,
    table: Literal["summary", "results"] = "summary",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return the tables of :func:`crepr.tl.compare_gene_subsets`: do selected genes do better than random ones?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_gene_subsets` wrote to.
    table
        `'summary'`: each subset beside the random draws of its size; `'results'`: all calls.
    key_added
        Key in `.uns`; `'compare_gene_subsets'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table; columns as in :func:`crepr.tl.compare_gene_subsets`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If there is no such table, or several modalities have the key.

    Examples
    --------
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> measure = lambda genes: genes.X.mean()
    >>> cr.tl.compare_gene_subsets(rna, measure, {"first": rna.var_names[:8]}, progress=False)
    >>> cr.get.compare_gene_subsets(rna)[["subset", "value", "random_mean", "random_sd", "reached"]]
    >>> cr.get.compare_gene_subsets(rna, table="results").tail()
    """
    _validate.choice("table", table, ("summary", "results"))
    key = _keys.COMPARE_GENE_SUBSETS if key_added is None else key_added
    return recorded(data, key, mod=mod, hint="Run cr.tl.compare_gene_subsets first, or set key_added.")[table].copy()
