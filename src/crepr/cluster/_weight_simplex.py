from __future__ import annotations

from itertools import combinations

import numpy as np


def weight_simplex(n_layers: int, step: float) -> np.ndarray:
    """List all weights of layers that are multiples of `step`, above 0, and add up to 1.

    Parameters
    ----------
    n_layers
        Number of layers.
    step
        Such that `1 / step` is an integer of at least `n_layers`.

    Returns
    -------
    Weights, `(n_points, n_layers)`; the first layer weighs least in the first row.

    Raises
    ------
    ValueError
        If 1 is no multiple of `step`, or there are too few steps.
    """
    parts = round(1 / step) if 0 < step <= 1 else 0
    if parts < n_layers or abs(parts * step - 1) > 1e-9:
        raise ValueError(
            f"weight_step must divide 1 into at least {n_layers} equal parts, one per layer; got {step}. Set it to 0.05, for example."
        )
    # places of the walls between layers
    walls = np.array(list(combinations(range(1, parts), n_layers - 1))).reshape(-1 if n_layers > 1 else 1, n_layers - 1)
    ends = np.pad(walls, ((0, 0), (1, 1)), constant_values=((0, 0), (0, parts)))
    return np.diff(ends, axis=1) / parts
