from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _keys
from crepr.get._recorded import recorded

if TYPE_CHECKING:
    import pandas as pd

    from crepr._types import Data


def compare_representations(data: Data, *, key_added: str | None = None, mod: str | None = None) -> pd.DataFrame:
    """Return the table of :func:`crepr.tl.compare_representations`: which representation holds more?

    Parameters
    ----------
    data
        Annotated data that :func:`crepr.tl.compare_representations` wrote to.
    key_added
        Key in `.uns`; `'compare_representations'` by default.
    mod
        Modality of a MuData; by default the MuData itself, or the only modality with that key.

    Returns
    -------
    A copy of the table, a row per number; columns as in :func:`crepr.tl.compare_representations`.

    Raises
    ------
    KeyError
        If nothing is recorded under that key.
    TypeError
        If `data` is neither an AnnData nor a MuData.
    ValueError
        If several modalities have it.

    Examples
    --------
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> sc.pp.log1p(rna)
    >>> sc.pp.pca(rna, n_comps=5)
    >>> options = {"permanova": {"n_perms": 99}}
    >>> cr.tl.compare_representations(rna, ["X_pca", "spatial"], "region", analyses="permanova", options=options)
    >>> cr.get.compare_representations(rna).pivot(index="measure", columns="representation", values="value")
    """
    key = _keys.COMPARE_REPRESENTATIONS if key_added is None else key_added
    hint = "Run cr.tl.compare_representations first, or set key_added."
    return recorded(data, key, mod=mod, hint=hint)["results"].copy()
