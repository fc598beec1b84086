"""Random numbers for compiled code, from a state that is handed on."""

from __future__ import annotations

import numpy as np
from numba import njit

# numba's own generator has one state per thread: results would depend on who ran what before


@njit(nogil=True, cache=True)
def uniform(state: np.ndarray) -> float:
    """Draw a number of [0, 1) with splitmix64; `state` is one uint64, and moves on."""
    state[0] += np.uint64(0x9E3779B97F4A7C15)
    z = state[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return np.float64(z >> np.uint64(11)) * 2.0**-53


@njit(nogil=True, cache=True)
def permutation(n: int, state: np.ndarray) -> np.ndarray:
    """Shuffle 0 to `n - 1`, uint32."""
    order = np.arange(n, dtype=np.uint32)
    for i in range(n - 1, 0, -1):
        j = int(uniform(state) * (i + 1))
        order[i], order[j] = order[j], order[i]
    return order
