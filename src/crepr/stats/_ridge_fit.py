"""A ridge regression from sums of products."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import torch

from crepr.stats._moments import ROUNDING

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.stats._moments import Moments


class Errors(NamedTuple):
    """What predictions of some rows leave: `(c, g)`, and `(g,)` for what is the responses' own."""

    squared: Tensor
    total: Tensor
    r2: Tensor
    pearson: Tensor


@dataclass(frozen=True)
class RidgeFit:
    """Regressions of `g` responses on `c` copies of `d` predictors, for all penalties.

    Attributes
    ----------
    mean_x, mean_y
        Of the rows fitted, `(c, d)` and `(g,)`.
    basis
        Takes centred predictors to principal axes, `(c, d, d)`.
    values
        Sums of squares along these, `(c, d)`.
    products
        Sums of products of these with the responses, `(c, d, g)`.
    """

    mean_x: Tensor
    mean_y: Tensor
    basis: Tensor
    values: Tensor
    products: Tensor

    @classmethod
    def of(cls, train: Moments, *, standardize: bool) -> RidgeFit:
        """Fit rows with these moments; with `standardize` the penalty is on predictors divided by their deviation."""
        mean_x, mean_y = train.x / train.n, train.y / train.n
        xx = train.xx - train.n * mean_x[..., :, None] * mean_x[..., None, :]
        xy = train.xy - train.n * mean_x[..., :, None] * mean_y
        square, square_y = xx.diagonal(dim1=-2, dim2=-1), train.yy - train.n * mean_y**2
        # of constants, rounding alone is left: a predictor says nothing, and nothing is said of a response
        constant = square <= ROUNDING * train.xx.diagonal(dim1=-2, dim2=-1)
        xy = torch.where(square_y <= ROUNDING * train.yy, 0.0, xy)
        deviation = (square / train.n).clamp(min=0).sqrt() if standardize else torch.ones_like(mean_x)
        scale = torch.where(constant, torch.inf, deviation)
        values, vectors = torch.linalg.eigh(xx / scale[..., :, None] / scale[..., None, :])
        basis = vectors / scale[..., :, None]
        return cls(mean_x, mean_y, basis, values.clamp(min=0), basis.mT @ xy)

    def weights(self, alpha: Tensor) -> Tensor:
        """Return coefficients of the principal axes, `(c, d, g)`, for a penalty of each response, `(g,)` or `(c, g)`."""
        return self.products / (self.values[..., None] + alpha.unsqueeze(-2))

    def errors(self, test: Moments, alpha: Tensor) -> Errors:
        """Return what is left of rows with these moments."""
        sum_y = test.y - test.n * self.mean_y
        yy = test.yy - 2 * self.mean_y * test.y + test.n * self.mean_y**2
        sum_x = test.x - test.n * self.mean_x
        xx = (
            test.xx - self.mean_x[..., :, None] * test.x[..., None, :] - sum_x[..., :, None] * self.mean_x[..., None, :]
        )
        xy = test.xy - self.mean_x[..., :, None] * test.y - sum_x[..., :, None] * self.mean_y
        weights = self.weights(alpha)
        predicted = (weights * (self.basis.mT @ xx @ self.basis @ weights)).sum(-2)
        product = (weights * (self.basis.mT @ xy)).sum(-2)
        sum_predicted = (weights * (self.basis.mT @ sum_x[..., None])).sum(-2)
        squared = yy - 2 * product + predicted
        total = test.yy - test.y**2 / test.n
        spread = predicted - sum_predicted**2 / test.n
        constant, flat = total <= ROUNDING * test.yy, spread <= ROUNDING * predicted
        r2 = torch.where(constant, torch.nan, 1 - squared / total)
        pearson = (product - sum_predicted * sum_y / test.n) / (spread * total).clamp(min=0).sqrt()
        return Errors(squared, total, r2, torch.where(constant | flat, torch.nan, pearson))
