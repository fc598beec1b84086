"""Loss terms: pure functions `(output, batch, *, options) -> (B,)`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from crepr.models._terms._bce import bce
from crepr.models._terms._dice import dice
from crepr.models._terms._focal import focal
from crepr.models._terms._kl import kl
from crepr.models._terms._marginal_kl import marginal_kl
from crepr.models._terms._mmd import mmd
from crepr.models._terms._mse import mse

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


OUTPUTS = ("value", "logit")
"""What a term may take a decoder's output for; others read the latent."""


class TermKind(NamedTuple):
    """A term, what it takes a decoder's output for or reads of what a latent gives, and the types of its options."""

    function: Callable[..., Tensor]
    reads: str
    options: dict[str, Any]


_GENE_WEIGHTS = tuple[float, ...] | Literal["batch"] | None

TERMS: dict[str, TermKind] = {
    "mse": TermKind(mse, "value", {}),
    "bce": TermKind(bce, "logit", {"gene_weights": _GENE_WEIGHTS}),
    "dice": TermKind(
        dice, "logit", {"gene_weights": _GENE_WEIGHTS, "empty": Literal["count", "skip"], "smooth": tuple[float, ...]}
    ),
    "focal": TermKind(focal, "logit", {"gene_weights": _GENE_WEIGHTS, "gamma": float, "alpha": float | None}),
    "kl": TermKind(kl, "posterior", {}),
    "marginal_kl": TermKind(marginal_kl, "posterior", {}),
    "mmd": TermKind(
        mmd,
        "latent",
        {
            "kernel": Literal["gaussian", "imq"],
            "bandwidth": float | None,
            "estimator": Literal["exact", "biased", "unbiased"],
        },
    ),
}
