from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._decoder import DecoderSpec
from crepr.models._encoder import EncoderSpec
from crepr.models._network import NetworkSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._profile_decoder import ProfileDecoderSpec
    from crepr.models._spec import InputSpec

WIDTHS = {"intensity": (16, 32, 64, 128, 128), "planes": (32, 64, 64, 64, 64)}
LARGEST_MAP = 6  # pixels per side at the end of the encoder

# of Ternes et al.: channels of the encoder's blocks, units of the layer before the latent
PLAIN_WIDTHS, PLAIN_HIDDEN = (16, 32, 64), 128


def picture_network(
    inputs: Mapping[str, InputSpec],
    *,
    n_latent: int,
    latent: str = "normal",
    widths: Sequence[int] | None,
    decoder_widths: Mapping[str, Sequence[int]],
    blocks: Literal["norm", "plain"],
    kernel: int | None,
    padding: int | None,
    upsample: Literal["transpose", "nearest"] | None,
    totals: bool | None,
    hidden: int | None,
) -> NetworkSpec:
    """Describe an encoder on all pictures together and a decoder of each; options as in :func:`vae`."""
    geometry: dict[str, Any] = {
        "size": _common_size(inputs),
        "kernel": 3 if kernel is None else kernel,
        "padding": 1 if padding is None else padding,
    }
    plain = _validate.choice("blocks", blocks, ("norm", "plain")) == "plain"
    common: dict[str, Any] = {**geometry, "totals": not plain if totals is None else totals, "blocks": blocks}

    def widths_for(kinds: Sequence[str], given: Sequence[int] | None) -> tuple[int, ...]:
        if given is not None:
            return tuple(given)
        return PLAIN_WIDTHS if plain else _default_widths(kinds, **geometry)

    def decoder_widths_for(name: str, kind: str) -> tuple[int, ...]:
        if name in decoder_widths:
            return tuple(decoder_widths[name])
        mirrored = widths_for([kind], widths)
        return (*(2 * width for width in mirrored), mirrored[-1]) if plain else mirrored

    encoder = EncoderSpec(
        tuple(inputs),
        channels=sum(len(spec.channels) for spec in inputs.values()),
        widths=widths_for([spec.kind for spec in inputs.values()], widths),
        hidden=(PLAIN_HIDDEN if plain else 0) if hidden is None else hidden,
        **common,
    )
    decoders: dict[str, DecoderSpec | ProfileDecoderSpec] = {
        name: DecoderSpec(
            name,
            channels=len(spec.channels),
            widths=decoder_widths_for(name, spec.kind),
            upsample="transpose" if upsample is None else upsample,
            **common,
        )
        for name, spec in inputs.items()
    }
    return NetworkSpec({"encoder": encoder}, decoders, n_latent, latent)


def _common_size(inputs: Mapping[str, InputSpec]) -> int:
    sizes = {name: spec.size for name, spec in inputs.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"inputs must have one size, got {sizes}. Crop them alike.")
    return next(iter(sizes.values()))


def _default_widths(kinds: Sequence[str], *, size: int, kernel: int, padding: int) -> tuple[int, ...]:
    """Halve until the map is small, twice at least; of several kinds take the wider."""
    depth = 2
    while block_sizes(size, depth, kernel=kernel, padding=padding)[-1] > LARGEST_MAP:
        depth += 1
    by_kind = [(*WIDTHS[kind][:depth], *WIDTHS[kind][-1:] * (depth - len(WIDTHS[kind]))) for kind in kinds]
    return tuple(max(width) for width in zip(*by_kind, strict=True))
