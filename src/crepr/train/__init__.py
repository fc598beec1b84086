"""Batches on the device, training, trained models on disk."""

import lazy_loader as lazy

__getattr__, __dir__, __all__ = lazy.attach(
    __name__,
    submod_attrs={"_nuisances": ["NUISANCES", "Nuisance"], "_trained_model": ["TrainedModel"]},
)
