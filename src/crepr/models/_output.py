"""What a network says about a batch, and what a batch and a term are."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Output:
    """What a network says about `B` cells; loss terms read it together with the batch.

    Attributes
    ----------
    z
        Latents that were decoded, `(B, n_latent)`.
    q
        What the latent gives beside `z`, for terms that read it: of a normal one the posterior of each encoder by its name, with mean and
        scale of shape `(B, n_latent)`. Empty where latents are points.
    outputs
        What the decoders say, `(B, channels, size, size)` or `(B, n_features)` by target. Linear outputs: values where the loss is one
        of values, logits where it is one of probabilities.
    generator
        Source of the noise, for terms that draw more; none where nothing is to be random.
    """

    z: Tensor
    q: dict[str, Any]
    outputs: dict[str, Tensor]
    generator: torch.Generator | None = None


type Batch = Mapping[str, Any]
"""`inputs` and `targets`, each `{name: (B, channels, size, size)}`; `counts` `(B, genes)` where genes are weighted by batch."""

type Term = Callable[[Output, Batch], Tensor]
"""A loss with one value per cell, `(output, batch) -> (B,)`."""
