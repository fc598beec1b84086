from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from crepr.models._output import Batch, Output, Term


@dataclass(frozen=True)
class WarmUp:
    """A weight that goes linearly from `start` in epoch 0 to `stop` in epoch `epochs`, and stays there :cite:p:`Bowman2016`.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If a weight is negative or not finite, or `epochs` is below 1.
    """

    start: float
    stop: float
    epochs: int

    def __post_init__(self) -> None:
        _validate.number("start", self.start, minimum=0)
        _validate.number("stop", self.stop, minimum=0)
        _validate.integer("epochs", self.epochs, minimum=1)

    def at(self, epoch: int) -> float:
        """Return the weight in an epoch, counted from 0."""
        return self.start + (self.stop - self.start) * min(epoch / self.epochs, 1.0)


type Weight = float | WarmUp


@dataclass(frozen=True)
class Objective:
    """A named, weighted sum of terms; the only place where terms are averaged over cells and weighted."""

    terms: Mapping[str, tuple[Term, Weight]]

    def __call__(self, output: Output, batch: Batch, *, epoch: int = 0) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return the loss, and the mean of each term over cells, unweighted and detached.

        A term of weight 0 is reported and takes no part in the loss.
        """
        parts = {name: term(output, batch).mean() for name, (term, _) in self.terms.items()}
        weights = {
            name: weight.at(epoch) if isinstance(weight, WarmUp) else weight for name, (_, weight) in self.terms.items()
        }
        weighted = [weights[name] * part for name, part in parts.items() if weights[name]]
        if not weighted:
            raise ValueError(
                f"Every term has weight 0 in epoch {epoch}: {_validate.listing(parts)}. Give one a weight."
            )
        return sum(weighted[1:], weighted[0]), {name: part.detach() for name, part in parts.items()}
