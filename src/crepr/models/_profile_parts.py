from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr.models._profile_decoder import ProfileDecoderSpec
from crepr.models._profile_encoder import ProfileEncoderSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._spec import InputSpec

# of Chow et al.
WIDTHS = (250,)


def profile_parts(
    inputs: Mapping[str, InputSpec],
    widths: Sequence[int] | None,
    decoder_widths: Mapping[str, Sequence[int]] | None,
    *,
    blocks: Literal["norm", "plain"],
    slope: float | None,
) -> tuple[ProfileEncoderSpec, dict[str, ProfileDecoderSpec]]:
    """Describe an encoder and a decoder of the one profile; options as in :func:`vae`."""
    ((name, spec),) = inputs.items()
    own = WIDTHS if widths is None else tuple(widths)
    common: dict[str, Any] = {"n_features": len(spec.channels), "blocks": blocks, "slope": 0.1 if slope is None else slope}
    decoder = ProfileDecoderSpec(name, widths=tuple((decoder_widths or {}).get(name, own)), **common)
    return ProfileEncoderSpec((name,), widths=own, **common), {name: decoder}
