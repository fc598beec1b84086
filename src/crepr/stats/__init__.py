"""Tests, scores and distances on arrays and tensors."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_permanova": ["permanova"],
        "_permdisp": ["permdisp"],
        "_silhouette": ["silhouette"],
    },
)
