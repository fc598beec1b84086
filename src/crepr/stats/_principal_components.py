"""Principal components of profiles that are read a block at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.linalg import eigh

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Components(NamedTuple):
    """Directions of largest variance, and the way to them and back."""

    #: Of each feature, `(p,)`.
    mean: np.ndarray
    #: Orthonormal, `(k, p)`, the largest variance first.
    axes: np.ndarray
    #: Standard deviation of the scores of each, `(k,)`.
    sd: np.ndarray

    def encode(self, profiles: np.ndarray) -> np.ndarray:
        """Return scores `(n, k)` of profiles `(n, p)`."""
        return (profiles - self.mean) @ self.axes.T

    def decode(self, scores: np.ndarray) -> np.ndarray:
        """Return the profiles `(n, p)` nearest to what has these scores."""
        return scores @ self.axes + self.mean


def principal_components(blocks: Callable[[], Iterable[np.ndarray]], n_components: int) -> Components:
    """Find the principal components of rows, in two passes over them.

    Parameters
    ----------
    blocks
        Gives all rows anew at each call, in blocks `(b, p)`. Memory is that of a block and of two matrices `(p, p)`.
    n_components
        How many; at most the number of features, and one less than that of rows.

    Returns
    -------
    The components; the largest weight of each is positive, as a component has no sign of its own.

    Raises
    ------
    TypeError
        If `n_components` is no integer.
    ValueError
        If there are fewer components than asked for, or values are not finite.
    """
    _validate.integer("n_components", n_components, minimum=1)
    n, total = 0, np.zeros(1)
    for block in blocks():
        _validate.finite("rows", block)
        n, total = n + len(block), total + block.sum(0, dtype=np.float64)
    most = max(min(len(total), n - 1), 0)
    if n_components > most:
        raise ValueError(
            f"n_components={n_components} is more than the {most} of {n} rows and {len(total)} features. Ask for fewer."
        )
    mean = total / n
    products = np.zeros((len(mean), len(mean)))
    for block in blocks():
        centred = block - mean
        products += centred.T @ centred
    last = len(mean) - 1
    variances, vectors = eigh(products / (n - 1), subset_by_index=[last + 1 - n_components, last])
    axes = vectors.T[::-1]
    largest = np.take_along_axis(axes, np.abs(axes).argmax(1)[:, None], axis=1)
    # rounding can leave -1e-18 where nothing varies
    return Components(mean, axes * np.sign(largest), np.sqrt(np.maximum(variances[::-1], 0)))
