"""From options of cross-validation to folds of cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr.pp._positions import spatial_positions

if TYPE_CHECKING:
    from crepr._types import Data
    from crepr.stats._folds import Fold

# folds of blocks; crops per side of a block
N_FOLDS, CROPS_PER_BLOCK = 5, 5

type CV = int | Literal["split", "spatial", "groups"]


@dataclass(frozen=True)
class Validation:
    """Folds, and how they were made.

    Attributes
    ----------
    folds
        Cells to fit and to predict.
    units
        Block or group of each cell that is not divided, `None` if cells are alone.
    groups
        Group of each cell, such as a slide; `None` without `groups`.
    params
        The options, with sizes in use.
    """

    folds: list[Fold]
    units: np.ndarray | None
    groups: np.ndarray | None
    params: dict[str, Any]

    def table(self) -> pd.DataFrame:
        """Return the sizes of the folds."""
        sizes = [(k, len(fold.train), len(fold.test)) for k, fold in enumerate(self.folds)]
        return pd.DataFrame(sizes, columns=["fold", "n_train", "n_test"])


def cross_validation(
    data: Data,
    owner: Data,
    cv: CV,
    *,
    groups: str | None,
    block_size: float | None,
    buffer: float | None,
    spatial_key: str,
    seed: int,
    labels: np.ndarray | None = None,
    cells: np.ndarray | None = None,
) -> Validation:
    """Check options as in :func:`crepr.tl.ridge_genes`, and divide the cells of `owner`.

    Parameters
    ----------
    data, owner
        What the user gave, and what of it has the cells.
    labels
        Keep the shares of these alike between folds, codes `(n,)`.
    cells
        Positions of the cells that take part, `(n,)`; all by default.
    """
    from crepr.stats._folds import blocks, keep_away, make_folds

    cv = _checked_cv(cv, groups)
    spatial = cv == "spatial" or block_size is not None
    if spatial and cv == "groups":
        raise ValueError(
            "cv='groups' leaves out whole groups, and takes no block_size. Leave it out, or set cv='spatial'."
        )
    if buffer is not None and not spatial:
        raise ValueError(f"buffer={buffer!r} keeps blocks apart. Set cv='spatial', or leave it out.")
    cells = np.arange(owner.n_obs) if cells is None else cells
    of_group = None
    if groups is not None:
        of_group = _access.cell_groups(data, owner, groups, option="groups").codes.astype(np.int64)[cells]
    xy, slides, units = None, None, of_group
    if spatial:
        xy = spatial_positions(_access.same_cells_with(data, owner, spatial_key), spatial_key)[cells]
        block_size, buffer = _sizes(data, block_size, buffer)
        slides = _images(data, owner, cells)
        slides = of_group if slides is None else slides
        units = blocks(xy, block_size, slides if of_group is None else of_group)
    n_units = len(cells) if units is None else len(np.unique(units))
    named = {"split": "split", "groups": "each", "spatial": min(N_FOLDS, max(2, n_units))}
    n_folds: Any = named[cv] if isinstance(cv, str) else cv
    _check_units(n_units, n_folds, groups=groups, block_size=block_size if spatial else None)
    folds = make_folds(len(cells), n_folds, units=units, labels=labels, seed=seed)
    if xy is not None and buffer:
        folds = [keep_away(fold, xy, buffer, slides) for fold in folds]
    empty = [k for k, fold in enumerate(folds) if len(fold.train) < 2 or not len(fold.test)]
    if empty:
        raise ValueError(
            f"Nothing is left to fit or to predict in {len(empty)} of {len(folds)} folds, with block_size={block_size!r} and "
            f"buffer={buffer!r}. Set smaller ones, or fewer folds."
        )
    params: dict[str, Any] = {"cv": cv, "groups": groups, "n_folds": len(folds)}
    if spatial:
        params |= {"block_size": block_size, "buffer": buffer, "spatial_key": spatial_key}
    return Validation(folds, units, of_group, params)


def _checked_cv(cv: Any, groups: str | None) -> CV:
    if cv == "groups" and groups is None:
        raise ValueError("cv='groups' predicts each group in turn. Set groups to a column of .obs, such as slides.")
    if isinstance(cv, str):
        return _validate.choice("cv", cv, ("split", "spatial", "groups"))
    return _validate.integer("cv", cv, minimum=2, other=", 'split', 'spatial' or 'groups'")


def _check_units(n_units: int, n_folds: int | str, *, groups: str | None, block_size: float | None) -> None:
    what = "cells"
    if block_size is not None:
        what = f"blocks of block_size={block_size:g}"
    elif groups is not None:
        what = f"groups in groups={groups!r}"
    least = n_folds if isinstance(n_folds, int) else 2
    if n_units < least:
        raise ValueError(
            f"There are {n_units} {what}, fewer than the {least} needed"
            f"{f' for cv={n_folds}' if isinstance(n_folds, int) else ''}. "
            f"Set {'a smaller block_size' if block_size is not None else 'another cv'}."
        )


def _images(data: Data, owner: Data, cells: np.ndarray) -> np.ndarray | None:
    """Return the image of each cell: positions in different ones are not comparable."""
    placed: Any = _access.same_cells_with(data, owner, _keys.CROPS)
    if _keys.CROPS not in placed.obsm:
        return None
    return np.unique(_access.references(placed, _keys.CROPS)["image"].astype(str), return_inverse=True)[1][cells]


def _sizes(data: Data, block_size: float | None, buffer: float | None) -> tuple[float, float]:
    """Return the side of blocks and the width of what is left out around them, by default those of crops."""
    if block_size is not None:
        block_size = _validate.number("block_size", block_size, minimum=0, exclusive=True)
    if buffer is not None:
        buffer = _validate.number("buffer", buffer, minimum=0)
    if block_size is not None and buffer is not None:
        return block_size, buffer
    width = max((_crop_width(item.uns) for item in _access.modalities(data).values()), default=0.0)
    if not width:
        missing = [name for name, value in (("block_size", block_size), ("buffer", buffer)) if value is None]
        raise ValueError(
            f"No crops are registered to take {' and '.join(missing)} from. Set {'them' if len(missing) > 1 else 'it'}, in units of "
            "the positions; a buffer as wide as what a cell was seen in keeps neighbours from being on both sides."
        )
    return block_size or CROPS_PER_BLOCK * width, width if buffer is None else buffer


def _crop_width(uns: Any) -> float:
    """Return the width of crops along x or y, whichever is larger, in units of the positions; 0 if there are none."""
    recorded = uns.get(_keys.CROPS, {})
    matrices = [np.linalg.inv(np.asarray(matrix, float)) for matrix in recorded.get("affine", {}).values()]
    # turned crops are as wide as the upright square around them
    return max((float(recorded["size"] * np.abs(matrix[:2, :2]).sum(1).max()) for matrix in matrices), default=0.0)
