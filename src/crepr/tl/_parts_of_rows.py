"""Which rows were trained on, chosen by, and kept for a test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from crepr import _access
from crepr.pp._write_split import PARTS

if TYPE_CHECKING:
    from crepr._types import Data


def parts_of_rows(
    data: Data,
    owner: Data,
    name: str,
    *,
    option: str,
    flagged: Literal["train", "validation"],
    others: Literal["train", "test"],
) -> np.ndarray:
    """Return the part of each row of `owner`, from a column as :func:`crepr.pp.split` writes it or from one of booleans.

    Parameters
    ----------
    data, owner
        Where columns are, and the object with the rows.
    name, option
        Of the column, and the option that it was given to.
    flagged, others
        Parts of rows that a column of booleans marks, and of those that it does not.
    """
    column = _access.cell_column(data, owner, name, option=option)
    if column.isna().any() or set(column.unique()) - set(PARTS):
        return np.where(_access.cell_flags(data, owner, name, option=option), flagged, others)
    return column.to_numpy().astype(str)
