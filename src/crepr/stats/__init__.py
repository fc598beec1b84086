"""Tests, scores and distances on arrays and tensors."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_center_distances": ["center_distances"],
        "_permanova": ["permanova"],
        "_permdisp": ["permdisp"],
        "_permutation_anova": ["Anova", "permutation_anova"],
        "_silhouette": ["silhouette"],
    },
)
