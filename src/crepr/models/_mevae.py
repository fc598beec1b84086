from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, cast

from crepr.models._corrected_vae import corrected_cell
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._network import NetworkSpec
    from crepr.models._objective import Weight
    from crepr.models._spec import InputSpec, ModelSpec


#: Pixels per side in Ternes et al.
PUBLISHED_SIZE = 128


def mevae(
    inputs: Mapping[str, InputSpec],
    *,
    invariant_to: Sequence[str] = ("rotation", "polarity", "shape"),
    combine: Literal["product", "poe", "mean"] = "product",
    uncorrect: Literal["random", "own"] = "random",
    radius: float | None = None,
    n_latent: int = 64,
    beta: Weight | None = None,
    sampled: bool = True,
    reconstruction: Mapping[str, str] | None = None,
    blocks: Literal["norm", "plain"] = "plain",
    view: Mapping[str, Any] | None = None,
    **options: Any,
) -> ModelSpec:
    """Describe a multi-encoder VAE :cite:p:`Ternes2022`: an encoder for each nuisance, one decoder of the corrected cell.

    Each encoder sees the corrected cell with its own correction undone. What it says of the nuisance it alone sees is noise to
    the product of all: the latent keeps what the encoders share.

    Parameters
    ----------
    inputs
        One input of intensities.
    invariant_to
        Nuisances by name, an encoder each: `'rotation'`, `'polarity'`, `'size'`, `'shape'`, or of your own.
    combine
        How the encoders make one latent: the `'product'` of their samples (Ternes et al.; means start at 1 here, since near 0 each
        encoder would wipe out what the others say), their `'mean'`, or the product of
        their distributions and the prior's (`'poe'`), which keeps the prior right and signs apart.
    uncorrect, radius
        As in :func:`corrected_vae`.
    n_latent
        Dimensions of the latent; 64 as in Ternes et al. for one channel.
    beta
        Weight of the mean KL term, beside a sum over channels and pixels. By default the balance of Ternes et al., who multiply the mean
        over both by 128 x 128: the number of channels times `(size / 128)**2`.
    sampled
        Whether the latent is a distribution; `False` gives the ME-DAE, without KL term.
    reconstruction, blocks
        As in :func:`vae`; cross-entropy and plain blocks as in Ternes et al. by default.
    view
        Further options of the view.
    options
        Of :func:`vae`.

    Returns
    -------
    The specification. Its terms are `<input>_bce` or `<input>_mse`, and `kl`, the mean over encoders.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If there is not one input of intensities, nothing to be corrected, or the disc is larger than a crop, and as for :func:`vae`.

    Examples
    --------
    >>> from crepr.models import InputSpec, mevae
    >>> spec = mevae({"stain": InputSpec(("EGFR",), 128)}, invariant_to=["rotation", "polarity"])
    >>> sum(values.numel() for values in spec.build().parameters())  # as published
    5505537
    """
    name, corrected = corrected_cell(inputs, invariant_to=invariant_to, uncorrect=uncorrect, radius=radius)
    if beta is None and sampled:
        beta = len(inputs[name].channels) * (inputs[name].size / PUBLISHED_SIZE) ** 2
    options |= {"reconstruction": reconstruction or {name: "bce"}, "blocks": blocks, "n_latent": n_latent}
    alone = vae(inputs, beta=beta, sampled=sampled, view=view, **options)
    network = cast("NetworkSpec", alone.network)
    (encoder,) = network.encoders.values()
    encoders = {nuisance: replace(encoder, inputs=(nuisance,)) for nuisance in invariant_to}
    return replace(
        alone,
        model="mevae",
        network=replace(network, encoders=encoders, combine=combine),
        view={**(view or {}), **corrected, "sees": {nuisance: [nuisance] for nuisance in invariant_to}},
    )
