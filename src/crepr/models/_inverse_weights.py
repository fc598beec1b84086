from __future__ import annotations

import numpy as np


def inverse_weights(counts: np.ndarray) -> tuple[float, ...]:
    """Weight genes so that rare ones count as much as common ones.

    Inversely proportional to its molecules in the whole data set, scaled to a mean of 1 over the genes that have any, so that the
    balance with other terms stays. A gene without molecules weighs 0.

    Parameters
    ----------
    counts
        Molecules per gene, `(genes,)`, over all cells.

    Returns
    -------
    One weight per gene.

    Raises
    ------
    ValueError
        If counts are negative, not finite, not one-dimensional, or all 0.

    Examples
    --------
    >>> import numpy as np
    >>> from crepr.models import inverse_weights
    >>> inverse_weights(np.array([10, 30, 0]))
    (1.5, 0.5, 0.0)
    """
    counts = np.asarray(counts, dtype=np.float64)
    if counts.ndim != 1 or not np.isfinite(counts).all() or (counts < 0).any() or not counts.any():
        raise ValueError(
            f"counts must be one-dimensional, finite, not negative and not all 0, got shape {counts.shape} with "
            f"values {counts.flatten()[:5].tolist()}... Sum the molecules of each gene over cells."
        )
    present = counts > 0
    inverse = np.divide(1.0, counts, out=np.zeros_like(counts), where=present)
    return tuple((inverse / inverse[present].mean()).tolist())
