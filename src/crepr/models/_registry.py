from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.models._autoencoder import autoencoder
from crepr.models._beta_vae import beta_vae
from crepr.models._conditional_vae import conditional_vae
from crepr.models._corrected_vae import corrected_vae
from crepr.models._denoising_autoencoder import denoising_autoencoder
from crepr.models._double_decoder_vae import double_decoder_vae
from crepr.models._mevae import mevae
from crepr.models._mmd_vae import mmd_vae
from crepr.models._paired_inpainting import paired_inpainting
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Callable

    from crepr.models._spec import ModelSpec

LATENT_MODELS: dict[str, Callable[..., ModelSpec]] = {
    "vae": vae,
    "beta_vae": beta_vae,
    "double_decoder_vae": double_decoder_vae,
    "corrected_vae": corrected_vae,
    "denoising_autoencoder": denoising_autoencoder,
    "conditional_vae": conditional_vae,
    "mmd_vae": mmd_vae,
    "mevae": mevae,
}
"""Models of cells as latents."""

SPATIAL_MODELS: dict[str, Callable[..., ModelSpec]] = {
    "paired_inpainting": paired_inpainting,
    "autoencoder": autoencoder,
}
"""Models of cells as layers."""

MODELS = {**LATENT_MODELS, **SPATIAL_MODELS}
"""Models by name: functions from inputs and options to a specification."""
