"""Cell representations: images and transcripts of single cells to latents in AnnData and MuData."""

import lazy_loader as lazy

from crepr._version import __version__

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submodules=["datasets", "get", "pl", "pp", "stats", "tl"],
    submod_attrs={"train._trained_model": ["load_model"]},
)
__all__ += ["__version__"]
