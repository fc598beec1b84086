"""Sums of products, from which linear models of any set of rows follow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.sparse import issparse

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

# values of the responses held as a dense block
BLOCK = 2**23
# of a sum of squares, what rounding leaves of nothing
ROUNDING = 1e-12


@dataclass(frozen=True)
class Moments:
    """Sums over sets of rows, of `c` copies of predictors and one table of responses.

    Attributes
    ----------
    n
        Rows, `(s,)`.
    x, y
        Sums, `(s, c, d)` and `(s, g)`.
    xx, xy, yy
        Sums of products, `(s, c, d, d)`, `(s, c, d, g)` and `(s, g)`.
    """

    n: Tensor
    x: Tensor
    y: Tensor
    xx: Tensor
    xy: Tensor
    yy: Tensor

    def of(self, members: np.ndarray) -> Moments:
        """Return the moments of unions of sets: `members` is boolean, `(n_unions, s)`."""
        weights = torch.as_tensor(members, dtype=self.n.dtype, device=self.n.device)
        return Moments(*(torch.tensordot(weights, getattr(self, field.name), 1) for field in fields(self)))

    def __getitem__(self, place: int) -> Moments:
        """Return the moments of one set, without its axis."""
        return Moments(*(getattr(self, field.name)[place] for field in fields(self)))


def moments(
    x: np.ndarray,
    y: np.ndarray | csr_matrix,
    codes: np.ndarray,
    *,
    center: np.ndarray,
    genes: slice = slice(None),
    device: str | torch.device = "cpu",
) -> Moments:
    """Sum products over each set of rows, in one pass over the responses; sparse ones become dense a block at a time.

    Parameters
    ----------
    x
        Predictors, `(n, c, d)`: `c` copies, such as permutations; near zero, or digits are lost.
    y
        Responses, `(n, g)`, dense or sparse by row.
    codes
        Set of each row, `(n,)`, all of 0 to `s - 1`.
    center
        Taken off the responses, such as their means, `(g,)`.
    genes
        Columns of `y` and of `center` to take.
    device
        Where to compute.
    """
    middle = torch.as_tensor(center[genes], dtype=torch.float64, device=device)
    sums: list[tuple[Tensor, ...]] = []
    for code in range(int(codes.max()) + 1):
        rows = np.flatnonzero(codes == code)
        total: tuple[Tensor, ...] = ()
        for block in np.array_split(rows, max(1, -(-len(rows) * len(middle) // BLOCK))):
            part_y = torch.as_tensor(_dense(y, block, genes), dtype=torch.float64, device=device) - middle
            part_x = torch.as_tensor(x[block], dtype=torch.float64, device=device)
            found = (
                part_y.new_tensor(float(len(block))),
                part_x.sum(0),
                part_y.sum(0),
                torch.einsum("ncd,nce->cde", part_x, part_x),
                (part_x.flatten(1).T @ part_y).unflatten(0, part_x.shape[1:]),
                (part_y**2).sum(0),
            )
            total = tuple(map(torch.add, total, found)) if total else found
        sums.append(total)
    return Moments(*(torch.stack(parts) for parts in zip(*sums, strict=True)))


def _dense(y: np.ndarray | csr_matrix, rows: np.ndarray, genes: slice) -> np.ndarray:
    part = y[rows][:, genes]
    return part.toarray() if issparse(part) else part
