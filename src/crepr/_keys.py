"""Every key that crepr writes, in one place."""

from typing import Final

# references, in `.obsm` and, for what they have in common, under the same key in `.uns`
CROPS: Final = "crops"
TRANSCRIPTS: Final = "transcripts"
MASKS: Final = "masks"

# limits of each cell, in `.obsm`, where intensities are scaled cell by cell
CROPS_LIMITS: Final = "crops_limits"

# results of training: latents in `.obsm`, history and spec in `.uns`; `key_added` replaces both
VAE: Final = "vae"
X_VAE: Final = "X_vae"


def logvar(key: str) -> str:
    """Key in `.obsm` of the posterior log-variances beside the latents under `key`."""
    return f"{key}_logvar"
