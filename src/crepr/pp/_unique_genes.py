from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _validate

if TYPE_CHECKING:
    import pandas as pd


def unique_genes(genes: pd.Index) -> None:
    """Raise if names of genes are repeated: a table of names would not say which one is meant."""
    repeated = genes[genes.duplicated()].unique()
    if len(repeated):
        raise ValueError(
            f"var_names must be unique; {len(repeated)} are repeated ({_validate.listing(repeated, limit=5)}). "
            f"Call .var_names_make_unique() first."
        )
