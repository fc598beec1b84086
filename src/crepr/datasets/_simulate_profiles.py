"""What mechanisms do to factors, alone and together, and how features show factors."""

from __future__ import annotations

import numpy as np

# lengths of what a mechanism does to the factors
_STRENGTHS = (1.2, 2.2)
# factors that a mechanism acts on
_N_TOUCHED = 2
# mechanisms with a cosine below undo each other: too little is left of both together
_OPPOSED = -0.2
# what is left of the sum where mechanisms hinder each other
_LEFT = 0.25
# weight of a factor in channels that are not its own, which has 1
_FOREIGN = 0.5


def draw_effects(
    n_mechanisms: int, n_combinations: tuple[int, int, int], n_factors: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw what mechanisms do, and what pairs of them do together.

    Parameters
    ----------
    n_mechanisms
        Mechanisms; each acts on two factors.
    n_combinations
        Pairs that are additive, antagonistic (a quarter of the sum) and synergistic (the sum, and as much again in a direction of neither).
    n_factors
        Factors, at least three.
    rng
        Source of random numbers.

    Returns
    -------
    Effects of mechanisms, `(n_mechanisms, n_factors)`, pairs, `(n_pairs, 2)`, and effects of these, `(n_pairs, n_factors)`. Pairs that oppose each other are
    drawn when no others are left.
    """
    single = np.zeros((n_mechanisms, n_factors))
    touched = rng.permuted(np.tile(np.arange(n_factors), (n_mechanisms, 1)), axis=1)[:, :_N_TOUCHED]
    directions = _unit(rng.normal(size=touched.shape))
    np.put_along_axis(single, touched, directions * rng.uniform(*_STRENGTHS, (n_mechanisms, 1)), axis=1)

    pairs = rng.permutation(np.column_stack(np.triu_indices(n_mechanisms, 1)))
    cosines = np.einsum("pf,pf->p", *(_unit(single[part]) for part in pairs.T))
    chosen = rng.permutation(pairs[np.argsort(cosines < _OPPOSED, kind="stable")][: sum(n_combinations)])
    first, second = (single[part] for part in chosen.T)
    kinds = np.repeat([0, 1, 2], n_combinations)[:, None]
    summed = first + second
    new = rng.normal(size=summed.shape)
    # less its part along one, then along what the other has beside that
    along = _unit(first)
    beside = _unit(second - (second * along).sum(1, keepdims=True) * along)
    for axis in (along, beside):
        new -= (new * axis).sum(1, keepdims=True) * axis
    gain = _unit(new) * np.linalg.norm(summed, axis=1, keepdims=True)
    return single, chosen, np.select([kinds == 0, kinds == 1], [summed, _LEFT * summed], summed + gain)


def draw_readout(channel: np.ndarray, n_channels: int, n_factors: int, rng: np.random.Generator) -> np.ndarray:
    """Draw how features weigh factors, and where they stand between their ends without any effect.

    Parameters
    ----------
    channel
        Of each feature, `(n_features,)`, 0 to `n_channels - 1`. Factors are dealt to channels in turn, and weigh most there.
    n_channels
        Number of channels.
    n_factors
        Factors.
    rng
        Source of random numbers.

    Returns
    -------
    Weights, of length 1 for each feature, and offsets in the last column, `(n_features, n_factors + 1)`.
    """
    own = channel[:, None] == np.arange(n_factors) % n_channels
    weights = _unit(rng.normal(size=own.shape) * np.where(own, 1, _FOREIGN))
    return np.column_stack([weights, rng.normal(size=len(channel))])


def _unit(rows: np.ndarray) -> np.ndarray:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(length > 0, length, 1)
