from __future__ import annotations

import numpy as np

# cells whose candidates are compared at a time
BLOCK = 8192


def draw_partners(
    images: np.ndarray, rng: np.random.Generator, *, candidates: int = 1, pictures: np.ndarray | None = None
) -> np.ndarray:
    """Draw another cell of the same image for each cell, all others with equal odds.

    Parameters
    ----------
    images
        Image of each cell, `(n,)`; negative for cells that take no part.
    rng
        Source of the random numbers.
    candidates
        With more than one, so many are drawn (some perhaps twice), and the one whose picture is farthest is taken.
    pictures
        Shape `(n, d)`; needed with several candidates.

    Returns
    -------
    Positions, `(n,)`; those of cells that take no part are their own.

    Raises
    ------
    ValueError
        If a cell is alone in its image.
    """
    order = np.argsort(images, kind="stable")
    order = order[np.searchsorted(images[order], 0) :]
    _, first, sizes = np.unique(images[order], return_index=True, return_counts=True)
    if (sizes == 1).any():
        raise ValueError(f"{(sizes == 1).sum()} images have one cell, which has no partner. Leave them out.")
    n_others = np.repeat(sizes, sizes)[:, None] - 1
    own = (np.arange(len(order)) - np.repeat(first, sizes))[:, None]
    drawn = rng.integers(0, n_others, (len(order), candidates))
    # the cell itself is skipped
    drawn = order[np.repeat(first, sizes)[:, None] + drawn + (drawn >= own)]
    partners = np.arange(len(images))
    partners[order] = drawn[:, 0] if pictures is None else _farthest(order, drawn, pictures)
    return partners


def _farthest(cells: np.ndarray, drawn: np.ndarray, pictures: np.ndarray) -> np.ndarray:
    chosen = np.empty(len(cells), np.int64)
    for start in range(0, len(cells), BLOCK):
        part = slice(start, start + BLOCK)
        apart = [np.square(pictures[cells[part]] - pictures[others]).sum(1) for others in drawn[part].T]
        chosen[part] = drawn[part][np.arange(len(apart[0])), np.argmax(apart, axis=0)]
    return chosen
