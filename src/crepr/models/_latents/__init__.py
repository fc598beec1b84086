"""Kinds of latents, a file for each: from what encoders say of a cell to what is decoded, and to what is told of it.

A kind is a module, made with how several encoders are combined. It has

- `heads`: linear heads that each encoder gets, by name; one of them is `mean`;
- `gives`: what terms and functions may read of it: the `'latent'`; a `'posterior'` in `Output.q`, with log-variances; a `'prior'` to draw from;
- `forward(said, sample=, generator=)`: what is decoded, `(B, n_latent)`, and what goes to `Output.q`;
- `encode(said)`: what is written of a cell, and its log-variance, minus infinity where there is none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.models._latents._normal import NormalLatent
from crepr.models._latents._point import PointLatent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

type Latent = NormalLatent | PointLatent

LATENTS: dict[str, type[Latent]] = {"normal": NormalLatent, "point": PointLatent}

type Said = Mapping[str, Mapping[str, Tensor]]
"""What the heads of each encoder say, `(B, n_latent)` in float32 by names of encoder and head."""
