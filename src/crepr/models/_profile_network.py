from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr.models._network import NetworkSpec
from crepr.models._profile_decoder import ProfileDecoderSpec
from crepr.models._profile_encoder import ProfileEncoderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec

# the width of Chow et al., whose slope is 0.3: presets have it
WIDTHS = (250,)
SLOPE = 0.1


def profile_network(
    inputs: Mapping[str, InputSpec],
    *,
    n_latent: int,
    latent: str = "normal",
    widths: Sequence[int] | None,
    decoder_widths: Mapping[str, Sequence[int]],
    blocks: Literal["norm", "plain"],
    slope: float | None,
) -> NetworkSpec:
    """Describe an encoder and a decoder of the one profile; options as in :func:`vae`."""
    ((name, spec),) = inputs.items()
    own = WIDTHS if widths is None else tuple(widths)
    common: dict[str, Any] = {
        "n_features": len(spec.channels), "blocks": blocks, "slope": SLOPE if slope is None else float(slope),
    }  # fmt: skip
    encoder = ProfileEncoderSpec((name,), widths=own, **common)
    decoder = ProfileDecoderSpec(name, widths=tuple(decoder_widths.get(name, own)), **common)
    return NetworkSpec({"encoder": encoder}, {name: decoder}, n_latent, latent)
