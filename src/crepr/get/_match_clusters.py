from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from crepr import _keys, _validate
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def match_clusters(
    data: Data,
    *,
    which: Literal["all", "matched", "unmatched"] = "all",
    key_added: str | None = None,
    mod: str | None = None,
) -> pd.DataFrame:
    """Return a table of :func:`crepr.tl.match_clusters`: which cluster is which label, and what is left over?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.match_clusters` wrote to.
    which
        `'all'` pairs of a cluster and a label, those `'matched'`, or what is `'unmatched'`.
    key_added
        Key in `.uns`; `'match_clusters'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy: a row per pair, or per label and cluster that is unmatched; columns as in :func:`crepr.tl.match_clusters`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it, or `which` is none of these.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.tl.match_clusters(mdata, "region", "cell_type", mod="rna")
    >>> cr.get.match_clusters(mdata, which="unmatched")
    """
    _validate.choice("which", which, ("all", "matched", "unmatched"))
    key = _keys.MATCH_CLUSTERS if key_added is None else key_added
    entry = recorded(data, key, mod=mod, hint="Run cr.tl.match_clusters first, or set key_added.")
    if which == "unmatched":
        return entry["unmatched"].copy()
    table = entry["results"]
    return table[table["matched"].astype(bool)].reset_index(drop=True) if which == "matched" else table.copy()
