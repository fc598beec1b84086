"""Every key that crepr writes, in one place."""

from typing import Final

# references, in `.obsm` and, for what they have in common, under the same key in `.uns`
CROPS: Final = "crops"
TRANSCRIPTS: Final = "transcripts"
MASKS: Final = "masks"

# limits of each cell, in `.obsm`, where intensities are scaled cell by cell
CROPS_LIMITS: Final = "crops_limits"

# results of training: `.uns[VAE]`, `.obsm["X_vae"]`
VAE: Final = "vae"


def latent(key: str) -> str:
    """Key in `.obsm` of the latent means of a model recorded under `.uns[key]`."""
    return f"X_{key}"


def latent_logvar(key: str) -> str:
    """Key in `.obsm` of the posterior log-variances."""
    return f"X_{key}_logvar"
