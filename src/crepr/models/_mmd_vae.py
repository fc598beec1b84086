from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from crepr import _validate
from crepr.models._objective import WarmUp
from crepr.models._spec import TermSpec
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.models._objective import Weight
    from crepr.models._spec import InputSpec, ModelSpec


def mmd_vae(
    inputs: Mapping[str, InputSpec],
    *,
    mmd: Weight = 1000.0,
    mmd_kernel: Literal["gaussian", "imq"] = "gaussian",
    bandwidth: float | None = None,
    estimator: Literal["exact", "biased", "unbiased"] | None = None,
    beta: Weight | None = None,
    **options: Any,
) -> ModelSpec:
    """Describe a VAE whose latents together, instead of each, are to look like the prior :cite:p:`Zhao2019`.

    Cells may then say as much as they like, and the latent does not collapse where the decoder is strong.

    Parameters
    ----------
    inputs
        As in :func:`vae`.
    mmd
        Weight of the maximum mean discrepancy; 1,000 as in Chow et al. :cite:p:`Chow2022` for ten latents.
    mmd_kernel, bandwidth
        Kernel of the discrepancy: a `'gaussian'` of bandwidth `n_latent**2`, as published, or an inverse multiquadric, `'imq'`, of `2 * n_latent`.
    estimator
        `'exact'`, by default with the Gaussian; or `'biased'` (published) or `'unbiased'`, with a sample of the prior.
    beta
        Weight of the KL term; none by default.
    options
        Of :func:`vae`.

    Returns
    -------
    The specification. Its terms are those of :func:`vae`, and `mmd`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is out of range, or the estimator is exact with another kernel than the Gaussian, and as for :func:`vae`.

    Examples
    --------
    >>> from crepr.models import InputSpec, mmd_vae
    >>> mmd_vae({"stain": InputSpec(("DAPI",), 64)}).objective["mmd"].weight
    1000.0
    """
    if not isinstance(mmd, WarmUp):
        _validate.number("mmd", mmd, minimum=0)
    if beta is None and options.get("sampled", True):
        beta = 0.0
    if estimator is None:
        estimator = "exact" if mmd_kernel == "gaussian" else "biased"
    if estimator == "exact" and mmd_kernel != "gaussian":
        raise ValueError(f"estimator='exact' needs mmd_kernel='gaussian', got {mmd_kernel!r}. Set estimator='biased'.")
    if bandwidth is not None:
        _validate.number("bandwidth", bandwidth, minimum=0, exclusive=True)
    alone = vae(inputs, beta=beta, **options)
    term = TermSpec("mmd", mmd, options={"kernel": mmd_kernel, "bandwidth": bandwidth, "estimator": estimator})
    return replace(alone, model="mmd_vae", objective={**alone.objective, "mmd": term})
