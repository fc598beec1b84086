from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from crepr._types import Data


def one_section(data: Data, owner: Data, xy: np.ndarray, cells: np.ndarray, *, spatial_key: str) -> None:
    """Raise if cells lie in several sections that would be drawn over each other.

    Sections are the images of the crops, and what a column of `.obs` calls by the libraries of `.uns['spatial']`. They lie over
    each other if the boxes around the cells of two share more than half of the smaller: tiles of one section do not.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the cells that are shown.
    xy
        Their positions.
    cells
        Which of them are shown.
    spatial_key
        Where the positions lie, for the message.
    """
    for sections, example in _sections(data, owner):
        shown = sections.iloc[cells].reset_index(drop=True)
        found = shown.dropna().unique().tolist()
        boxes = pd.DataFrame(xy[cells]).groupby(shown, observed=True).agg(["min", "max"]).to_numpy().reshape(-1, 2, 2)
        if len(found) > 1 and _overlap(boxes[..., 0], boxes[..., 1]):
            raise ValueError(
                f"The cells lie in {len(found)} sections ({_validate.listing(found, limit=3)}), whose positions in "
                f".obsm[{spatial_key!r}] lie over each other. Set cells to those of one section, such as cells={example}, or "
                f"spatial_key to positions that all share, or to None for a map without the tissue."
            )


def _sections(data: Data, owner: Data) -> Iterator[tuple[pd.Series, str]]:
    """Yield what tells the section of each cell, and how to choose one."""
    placed = _access.same_cells_with(data, owner, _keys.CROPS)
    if _keys.CROPS in placed.obsm:
        yield _access.references(placed, _keys.CROPS)["image"].astype(str), "data.obs[...] == ..."
    for item in (data, *_access.modalities(data).values()):
        libraries: Mapping[str, Any] = item.uns.get("spatial", {})
        if len(libraries) < 2 or not item.obs_names.equals(owner.obs_names):
            continue
        for name, column in cast("pd.DataFrame", item.obs).items():
            values = column.dropna().unique()
            if len(values) and all(value in libraries for value in values):
                yield column, f"data.obs[{name!r}] == {values[0]!r}"


def _overlap(low: np.ndarray, high: np.ndarray) -> bool:
    """Whether any two boxes `(n, 2)` share more than half of the smaller."""
    area = (high - low).prod(axis=1)
    for i in range(len(low) - 1):
        shared = np.clip(np.minimum(high[i], high[i + 1 :]) - np.maximum(low[i], low[i + 1 :]), 0, None).prod(axis=1)
        if (shared > np.minimum(area[i], area[i + 1 :]) / 2).any():
            return True
    return False
