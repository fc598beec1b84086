from __future__ import annotations

from typing import TYPE_CHECKING

from torch import Tensor, nn

if TYPE_CHECKING:
    from collections.abc import Sequence


class Headed(nn.Module):
    """An encoder that ends in linear heads, its attributes by name."""

    def add_heads(self, names: Sequence[str], n_features: int, n_latent: int) -> None:
        """Make the heads."""
        self.heads = tuple(names)
        for name in names:
            self.add_module(name, nn.Linear(n_features, n_latent))

    def read_heads(self, features: Tensor) -> dict[str, Tensor]:
        """Return what each head makes of features, `(B, n_latent)` in float32 by name."""
        return {name: self.get_submodule(name)(features).float() for name in self.heads}
