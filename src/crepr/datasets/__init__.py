import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={
        "_mouse_ileum": ["mouse_ileum"],
        "_synthetic_cells": ["synthetic_cells"],
        "_synthetic_profiles": ["synthetic_profiles"],
        "_synthetic_tissue": ["synthetic_tissue"],
    },
)
