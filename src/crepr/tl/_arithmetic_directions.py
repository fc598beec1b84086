"""Directions that are added to means of groups."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _validate
from crepr.stats._within_slope import within_slope
from crepr.tl._cell_columns import numeric_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr._types import Data


class Directions:
    """Directions of latents, given or found as the slope on a column of `.obs`.

    Parameters
    ----------
    data, owner
        Where columns are, and the object with the cells.
    given
        Name -> column, or vector of latents.
    n_latent
        Dimensions of the latents.
    groups
        Names of groups, which no direction may have.
    """

    def __init__(self, data: Data, owner: Data, given: Any, *, n_latent: int, groups: Sequence[str]) -> None:
        if not isinstance(given, Mapping | None):
            raise TypeError(f"directions must be a mapping from names to columns or vectors, got {given!r}.")
        self.columns: dict[str, str] = {}
        self.vectors: dict[str, np.ndarray] = {}
        self._numbers: dict[str, np.ndarray] = {}
        for name, value in dict(given or {}).items():
            # names are keys of what is recorded
            _validate.key("directions: a name", name)
            if name in groups:
                raise ValueError(f"directions names {name!r}, which is a group. Give it another name.")
            if isinstance(value, str):
                self.columns[name] = value
                self._numbers[name] = numeric_column(data, owner, value, option="directions")
                continue
            vector = np.asarray(value)
            if vector.shape != (n_latent,) or not np.issubdtype(vector.dtype, np.number):
                raise ValueError(
                    f"directions[{name!r}] must be a column of .obs or {n_latent} numbers, one for each latent, got shape {vector.shape}."
                )
            _validate.finite(f"directions[{name!r}]", vector)
            self.vectors[name] = vector.astype(np.float64)

    @property
    def of_latents(self) -> np.ndarray:
        """Which are known in latents only, `(k,)` booleans."""
        return np.repeat([False, True], [len(self.columns), len(self.vectors)])

    @property
    def names(self) -> list[str]:
        """Of all directions."""
        return [*self.columns, *self.vectors]

    def of(
        self, rows: np.ndarray, *, cells: np.ndarray, codes: np.ndarray, weights: np.ndarray | None, are_latents: bool
    ) -> np.ndarray:
        """Return the directions in these rows, those of `cells`, `(k, d)`; a vector of latents is 0 in others."""
        found = []
        for name, column in self.columns.items():
            try:
                found.append(within_slope(rows, codes, self._numbers[name][cells], weights=weights))
            except ValueError as error:
                raise ValueError(
                    f"directions[{name!r}]={column!r} varies within none of the groups that are added up, so that it has no slope. Name another column."
                ) from error
        found += [vector if are_latents else np.zeros(rows.shape[1]) for vector in self.vectors.values()]
        return np.array(found).reshape(len(self.names), rows.shape[1])
