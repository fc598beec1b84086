from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._block_sizes import block_sizes
from crepr.models._network import DecoderSpec, EncoderSpec, NetworkSpec
from crepr.models._spec import InputSpec, ModelSpec, TermSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._objective import Weight

Reconstruction = Literal["mse", "bce", "dice_focal"]

WIDTHS = {"intensity": (16, 32, 64, 128, 128), "planes": (32, 64, 64, 64, 64)}
LARGEST_MAP = 6  # pixels per side at the end of the encoder


def vae(
    inputs: Mapping[str, InputSpec],
    *,
    n_latent: int = 50,
    beta: Weight = 1.0,
    reconstruction: Mapping[str, Reconstruction] | None = None,
    weights: Mapping[str, Weight] | None = None,
    gene_weights: Sequence[float] | Literal["batch"] | None = None,
    empty: Literal["count", "skip"] = "count",
    gamma: float = 2.0,
    alpha: float | None = None,
    smooth: float = 1e-5,
    widths: Sequence[int] | None = None,
    decoder_widths: Mapping[str, Sequence[int]] | None = None,
    kernel: int = 3,
    padding: int = 1,
    upsample: Literal["transpose", "nearest"] = "transpose",
    view: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """Describe a variational autoencoder: one encoder on all inputs together, one decoder per input.

    Parameters
    ----------
    inputs
        What the model reads and reconstructs, by name; all of one size.
    n_latent
        Dimensions of the latent.
    beta
        Weight of the KL term.

    Returns
    -------
    The specification. Its terms are named `<input>_mse`, `<input>_bce`, `<input>_dice`, `<input>_focal` and `kl`.
    """
    if not inputs:
        raise ValueError("inputs must hold at least one input, got none.")
    sizes = {name: spec.size for name, spec in inputs.items()}
    if len(set(sizes.values())) > 1:
        raise ValueError(f"inputs must have one size, got {sizes}.")
    size = next(iter(sizes.values()))
    geometry: dict[str, Any] = {"size": size, "kernel": kernel, "padding": padding}
    decoder_widths = decoder_widths or {}
    encoder = EncoderSpec(
        tuple(inputs),
        channels=sum(len(spec.channels) for spec in inputs.values()),
        widths=tuple(widths)
        if widths
        else _default_widths([spec.kind for spec in inputs.values()], size, kernel, padding),
        **geometry,
    )
    decoders = {
        name: DecoderSpec(
            name,
            channels=len(spec.channels),
            widths=tuple(
                decoder_widths.get(name) or (widths if widths else _default_widths([spec.kind], size, kernel, padding))
            ),
            upsample=upsample,
            **geometry,
        )
        for name, spec in inputs.items()
    }
    objective: dict[str, TermSpec] = {}
    for name, spec in inputs.items():
        kind = (reconstruction or {}).get(name, "mse" if spec.kind == "intensity" else "dice_focal")
        if kind == "dice_focal":
            shared = (
                {}
                if gene_weights is None
                else {"gene_weights": gene_weights if gene_weights == "batch" else list(gene_weights)}
            )
            objective[f"{name}_dice"] = TermSpec("dice", 8.0, name, {**shared, "empty": empty, "smooth": smooth})
            objective[f"{name}_focal"] = TermSpec("focal", 4.0, name, {**shared, "gamma": gamma, "alpha": alpha})
        else:
            objective[f"{name}_{kind}"] = TermSpec(kind, 1.0, name)
    objective["kl"] = TermSpec("kl", beta)
    for name, weight in (weights or {}).items():
        _validate.choice("weights", name, objective)
        old = objective[name]
        objective[name] = TermSpec(old.term, weight, old.target, old.options)
    return ModelSpec(
        "vae",
        dict(inputs),
        NetworkSpec({"encoder": encoder}, decoders, n_latent),
        objective,
        dict(view) if view else {"name": "identity"},
    )


def _default_widths(kinds: list[str], size: int, kernel: int, padding: int) -> tuple[int, ...]:
    """Halve until the map has at most 6 pixels per side, twice at least; of several kinds the wider."""
    depth = 2
    while block_sizes(size, depth, kernel=kernel, padding=padding)[-1] > LARGEST_MAP:
        depth += 1
    by_kind = [WIDTHS[kind][:depth] + WIDTHS[kind][-1:] * (depth - len(WIDTHS[kind])) for kind in kinds]
    return tuple(max(width) for width in zip(*by_kind, strict=True))
