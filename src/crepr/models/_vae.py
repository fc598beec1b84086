from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._objective import WarmUp
from crepr.models._picture_network import picture_network
from crepr.models._profile_network import profile_network
from crepr.models._spec import InputSpec, ModelSpec, TermSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._objective import Weight

RECONSTRUCTIONS = {"intensity": ("mse", "bce"), "planes": ("bce", "dice_focal"), "profile": ("mse", "bce")}
"""What may compare an input of each kind with its reconstruction; the first is the default."""

# what one unit of a term is worth in nats, see the notes of `vae`
SQUARED_ERROR_WEIGHT = {"intensity": 10.0, "profile": 1.0}
PLANE_WEIGHT = 100.0


def vae(
    inputs: Mapping[str, InputSpec],
    *,
    n_latent: int = 50,
    beta: Weight | None = None,
    reconstruction: Mapping[str, str] | None = None,
    weights: Mapping[str, Weight] | None = None,
    weigh_means: bool = False,
    gene_weights: Sequence[float] | Literal["batch"] | None = None,
    empty: Literal["count", "skip"] | None = None,
    smooth: tuple[float, float] | None = None,
    gamma: float | None = None,
    alpha: float | None = None,
    widths: Sequence[int] | None = None,
    decoder_widths: Mapping[str, Sequence[int]] | None = None,
    kernel: int | None = None,
    padding: int | None = None,
    upsample: Literal["transpose", "nearest"] | None = None,
    totals: bool | None = None,
    blocks: Literal["norm", "plain"] = "norm",
    hidden: int | None = None,
    slope: float | None = None,
    sampled: bool = True,
    view: Mapping[str, Any] | None = None,
) -> ModelSpec:
    """Describe a variational autoencoder :cite:p:`Kingma2014`: one encoder on all inputs together, one decoder per input.

    Parameters
    ----------
    inputs
        What the model reads and reconstructs, by name: pictures, all of one size, which the encoder joins in this order; or one profile,
        a row of numbers.
    n_latent
        Dimensions of the latent.
    beta
        Weight of the KL term, a number or a warm-up; 1 by default.
    reconstruction
        What compares an input with its reconstruction, by name of the input: `'mse'` (default) or `'bce'` for intensities and profiles,
        `'bce'` (default) or `'dice_focal'` for planes.
    weights
        Weights of terms by name that replace the defaults below.
    weigh_means
        Whether `weights` are those of means over pixels (squared error, cross-entropy) and over planes (Dice, focal), as
        they are published, instead of sums.
    gene_weights
        Weights of genes in the terms of planes: one number per gene (:func:`inverse_weights`), or `'batch'` for the dynamic
        weights of Moser et al., which need `counts` in each batch.
    empty, smooth
        With `'dice_focal'`, of the Dice term: whether to `'count'` (default) or `'skip'` planes without a spot, and the pixels
        added to its numerator and denominator, 1 each.
    gamma, alpha
        With `'dice_focal'`, of the focal term; 2 as in Lin et al., and no `alpha`.
    widths
        Channels after each block of the encoder, and of the decoders that `decoder_widths` does not name. By default, as many
        blocks as it takes to a map of at most 6 pixels per side: 16, 32, 64, 128, 128, ... channels for intensities,
        32, 64, 64, ... for planes, the larger of both where both are joined. 16, 32, 64 for plain blocks. Of profiles, units of the hidden
        layers; one of 250 by default.
    decoder_widths
        Channels of a decoder's blocks by name of its input, from the picture inward.
    kernel, padding
        Of pictures: of the encoder's convolutions, 3 and 1; padding 0 gives the maps of Moser et al.
    upsample
        Of pictures: how decoders grow their maps, `'transpose'` (default) or `'nearest'`.
    totals
        Of pictures: whether the encoder also reads how much there is in each channel, and decoders set a level per channel, beside the
        convolutions: latents then know which genes a cell expresses after a few epochs instead of hundreds. By default, with
        `'norm'` blocks.
    blocks
        `'norm'`: batch norm and LeakyReLU. `'plain'`: of pictures, ReLU alone, decoders of twice the encoder's channels that end in a
        convolution of stride 1, as in Ternes et al. :cite:p:`Ternes2022`; of profiles, LeakyReLU alone.
    hidden
        Of pictures: units of a layer between the encoder's blocks and the latent, 128 with plain blocks, else none.
    slope
        Of profiles: of LeakyReLU below zero; 0.1.
    sampled
        Whether the latent is a distribution, with a KL term; else it is a point.
    view
        How a batch is made of cells; `{"name": "identity"}` by default.

    Returns
    -------
    The specification. Its terms are `<input>_mse`, `<input>_bce`, or `<input>_dice` and `<input>_focal`; and `kl`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If sizes differ, a name is unknown, an option is out of range or of another kind of input, or profiles and pictures are mixed.

    Notes
    -----
    Terms are sums over pixels, planes and latent dimensions, so weights say what one unit of each is worth in nats:

    - A squared error counts 10, the likelihood of a Gaussian of standard deviation 0.22 where intensities lie in 0 to 1: a
      latent dimension is used once it explains more than a twentieth of a squared unit of intensity per cell. Of profiles it counts 1,
      as in Chow et al. :cite:p:`Chow2022`.
    - The cross-entropy of planes is in nats, and counts 1.
    - With `'dice_focal'` a plane counts 100, divided between Dice and focal as 0.8 to 0.4, about what its cross-entropy does: with
      weight 1, the genes of a cell could not pay for the latent that describes them, and it would collapse to the prior.
      `smooth` of a pixel, fewer than a spot has, lets the Dice term of an absent gene fall from 1 to 0 as its plane goes dark.

    Moser et al. compare planes by Dice and focal terms. These reward a spot that is drawn where it is, and punish it elsewhere:
    where a gene has one or two spots that lie anywhere in the cell, to draw nothing is best, planes go dark and the latent
    forgets the genes. The cross-entropy asks for the probability of a spot instead, whatever it is, and is the default for that.

    Examples
    --------
    >>> from crepr.models import InputSpec, vae
    >>> spec = vae({"stain": InputSpec(("DAPI", "membrane"), size=64)}, n_latent=10)
    >>> network, objective = spec.build(), spec.build_objective()
    >>> list(objective.terms)
    ['stain_mse', 'kl']
    """
    for name, given in (("reconstruction", reconstruction), ("decoder_widths", decoder_widths)):
        for key in given or {}:
            _validate.choice(f"{name}: input", key, inputs)
    if not isinstance(sampled, bool):
        raise TypeError(f"sampled must be True or False, got {sampled!r}.")
    of_pictures: dict[str, Any] = {
        "kernel": kernel,
        "padding": padding,
        "upsample": upsample,
        "totals": totals,
        "hidden": hidden,
    }
    common: dict[str, Any] = {
        "n_latent": _validate.integer("n_latent", n_latent, minimum=1), "widths": widths, "blocks": blocks,
        "decoder_widths": decoder_widths or {}, "latent": "normal" if sampled else "point",
    }  # fmt: skip
    if _are_profiles(inputs):
        _unused(of_pictures, "pictures")
        network = profile_network(inputs, slope=slope, **common)
    else:
        _unused({"slope": slope}, "profiles")
        network = picture_network(inputs, **of_pictures, **common)
    objective: dict[str, TermSpec] = {}
    genes: dict[str, Any] = {} if gene_weights is None else {"gene_weights": _plain_weights(gene_weights)}
    for name, spec in inputs.items():
        options = RECONSTRUCTIONS[spec.kind]
        how = _validate.choice(f"reconstruction of {name!r}", (reconstruction or {}).get(name, options[0]), options)
        if how == "dice_focal":
            dice = {**genes, "empty": empty or "count", "smooth": list(smooth or (1.0, 1.0))}
            focal = {**genes, "gamma": 2.0 if gamma is None else gamma, "alpha": alpha}
            objective[f"{name}_dice"] = TermSpec("dice", 0.8 * PLANE_WEIGHT, name, dice)
            objective[f"{name}_focal"] = TermSpec("focal", 0.4 * PLANE_WEIGHT, name, focal)
        elif how == "mse":
            objective[f"{name}_mse"] = TermSpec("mse", SQUARED_ERROR_WEIGHT[spec.kind], name)
        else:
            objective[f"{name}_bce"] = TermSpec("bce", 1.0, name, genes if spec.kind == "planes" else {})
    if gene_weights is not None and not any(spec.kind == "planes" for spec in inputs.values()):
        raise ValueError("gene_weights need an input of planes, such as transcripts. Leave them out.")
    chosen = {"empty": empty, "smooth": smooth, "gamma": gamma, "alpha": alpha}
    unused = [option for option, value in chosen.items() if value is not None]
    if unused and not any(term.term == "dice" for term in objective.values()):
        raise ValueError(
            f"{_validate.listing(unused)}: only Dice and focal terms have that. Set reconstruction={{'transcripts': 'dice_focal'}}, "
            "or leave it out."
        )
    if sampled:
        objective["kl"] = TermSpec("kl", 1.0 if beta is None else beta)
    elif beta is not None:
        raise ValueError(
            f"beta={beta} weighs the KL term, and a latent of points has none. Leave beta out, or set sampled=True."
        )
    for name, weight in (weights or {}).items():
        old = objective[_validate.choice("weights: term", name, objective)]
        objective[name] = replace(old, weight=_divided(weight, _summed(old, inputs)) if weigh_means else weight)
    return ModelSpec("vae", dict(inputs), network, objective, {"name": "identity"} if view is None else dict(view))


def _are_profiles(inputs: Mapping[str, InputSpec]) -> bool:
    if not inputs:
        raise ValueError("inputs must hold at least one input, got none.")
    kinds = {name: spec.kind for name, spec in inputs.items()}
    if "profile" in kinds.values() and len(kinds) > 1:
        raise ValueError(f"inputs are one profile or pictures, not both, got {kinds}. Train a model of each.")
    return "profile" in kinds.values()


def _unused(options: Mapping[str, Any], of: str) -> None:
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ValueError(f"{_validate.listing(given)}: only models of {of} have that. Leave it out.")


def _summed(term: TermSpec, inputs: Mapping[str, InputSpec]) -> int:
    """Return how many pixels or planes a term adds up."""
    if term.target is None:
        return 1
    shown = inputs[term.target]
    return len(shown.channels) if term.term in ("dice", "focal") else math.prod(shown.shape)


def _divided(weight: Weight, by: int) -> Weight:
    if isinstance(weight, WarmUp):
        return WarmUp(weight.start / by, weight.stop / by, weight.epochs)
    return weight / by


def _plain_weights(gene_weights: Sequence[float] | str) -> list[float] | str:
    if isinstance(gene_weights, str):
        return _validate.choice("gene_weights", gene_weights, ("batch",))
    return [float(weight) for weight in gene_weights]
