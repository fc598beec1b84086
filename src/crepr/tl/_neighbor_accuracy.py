"""How well the neighbours of cells tell their labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _validate
from crepr._warn import warn
from crepr.tl._tabulate_classes import permuted_labels
from crepr.tl._testable_groups import FEW

if TYPE_CHECKING:
    import torch

    from crepr._types import Data


@dataclass(frozen=True)
class NeighborAccuracy:
    """What the neighbours of cells tell, and what chance gives.

    Attributes
    ----------
    given
        Label given to each cell, `(n,)`.
    recall, recall_chance
        Of each label, and means over permutations.
    macro
        Balanced accuracy and accuracy.
    chance
        The same of each permutation, `(n_perms, 2)`; no rows without permutations.
    """

    given: np.ndarray
    recall: np.ndarray
    recall_chance: np.ndarray
    macro: tuple[float, float]
    chance: np.ndarray


def neighbor_accuracy(
    x: np.ndarray,
    codes: np.ndarray,
    n_labels: int,
    *,
    n_neighbors: int,
    apart: np.ndarray | None,
    exact: bool,
    n_perms: int,
    seed: int,
    device: torch.device,
) -> NeighborAccuracy:
    """Let the neighbours of each cell vote, of those with another value of `apart`, and once more with labels permuted."""
    from crepr.cluster._knn import knn
    from crepr.stats._neighbor_vote import neighbor_vote

    neighbors, _ = knn(x, n_neighbors, exact=exact, exclude=apart, rng=seed, device=device)
    given = neighbor_vote(neighbors, codes)
    recall, macro = _scores(codes, given, n_labels)
    shuffled = [
        _scores(truth, neighbor_vote(neighbors, truth), n_labels)
        for truth in (permuted_labels(codes, None, n_perms, seed) if n_perms else ())
    ]
    return NeighborAccuracy(
        given=given,
        recall=recall,
        recall_chance=np.mean([recalls for recalls, _ in shuffled], axis=0) if shuffled else np.empty(0),
        macro=macro,
        chance=np.array([scores for _, scores in shuffled]).reshape(-1, 2),
    )


def values_apart(data: Data, owner: Data, exclude: str | None) -> np.ndarray | None:
    """Return the column of which cells with the same value have no vote, as codes."""
    if exclude is None:
        return None
    return _access.cell_groups(data, owner, exclude, option="exclude").codes.astype(np.int64)


def check_neighbors(
    labels: pd.Categorical,
    groupby: str,
    n_neighbors: int,
    exclude: str | None,
    apart: np.ndarray | None,
    *,
    exact: bool,
) -> None:
    """Raise if there are not two labels and `n_neighbors` others, or the search cannot leave cells out; warn of labels with few cells."""
    _validate.two_labels(labels, groupby)
    if apart is not None and not exact:
        raise ValueError(
            f"exclude={exclude!r} needs the search that compares all cells, got exact=False. Leave out one of them."
        )
    others = len(labels) - (1 if apart is None else int(np.bincount(apart).max()))
    if n_neighbors > others:
        rest = "of each cell" if apart is None else f"with another {exclude!r} for each cell"
        raise ValueError(f"n_neighbors={n_neighbors} is more than the {others} others {rest}. Set fewer.")
    sizes = pd.Series(labels).value_counts(sort=False)
    small = [f"{name} ({size})" for name, size in sizes.items() if size < FEW]
    if small:
        warn(f"Labels of {groupby!r} with fewer than {FEW} cells, whose recall says little: {', '.join(small)}.")


def _scores(codes: np.ndarray, given: np.ndarray, n_labels: int) -> tuple[np.ndarray, tuple[float, float]]:
    """Return the recall of each label, and balanced accuracy and accuracy."""
    right = codes == given
    recall = np.bincount(codes, weights=right, minlength=n_labels) / np.bincount(codes, minlength=n_labels)
    return recall, (float(recall.mean()), float(right.mean()))
