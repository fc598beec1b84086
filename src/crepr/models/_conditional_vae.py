from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from crepr import _validate
from crepr.models._objective import WarmUp
from crepr.models._spec import TermSpec
from crepr.models._vae import vae

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.models._network import NetworkSpec
    from crepr.models._spec import InputSpec, ModelSpec

#: Numbers that a column becomes, by kind; a category becomes one for each.
WIDTHS = {"number": 1, "axis": 2, "angle": 2}


def conditional_vae(
    inputs: Mapping[str, InputSpec],
    *,
    condition: Sequence[Mapping[str, Any]],
    invariance: float = 1.0,
    view: Mapping[str, Any] | None = None,
    **options: Any,
) -> ModelSpec:
    r"""Describe a VAE whose decoder is told what the latent is to forget :cite:p:`Moyer2018`.

    With weight :math:`\lambda`, `(1 + lambda)` times the reconstruction, plus KL to the prior, plus `lambda` times the KL of each cell's
    posterior to those of the others, which bounds what the latent knows of anything, of the condition too.

    Parameters
    ----------
    inputs
        As in :func:`vae`.
    condition
        What the decoder is told: for each column `{"column": ..., "kind": ...}`, where a `'number'` has `mean` and `sd`, an `'axis'`
        (degrees mod 180) and an `'angle'` become sine and cosine, and a `'category'` has `categories`.
    invariance
        Lambda; 1 as in Ternes et al. :cite:p:`Ternes2022`.
    view
        Further options of the view.
    options
        Of :func:`vae`.

    Returns
    -------
    The specification. Its terms are those of :func:`vae`, and `marginal_kl`.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If there is no condition.

    Examples
    --------
    >>> from crepr.models import InputSpec, conditional_vae
    >>> spec = conditional_vae({"stain": InputSpec(("DAPI",), 64)}, condition=[{"column": "angle", "kind": "axis"}])
    >>> spec.network.n_condition
    2
    """
    if not len(condition):
        raise ValueError("condition must name at least one column, got none.")
    weight = _validate.number("invariance", invariance, minimum=0)
    told = {"name": "identity", **(view or {}), "condition": [dict(entry) for entry in condition]}
    alone = vae(inputs, view=told, **options)
    objective = {
        name: term if term.target is None else replace(term, weight=_times(term.weight, 1 + weight))
        for name, term in alone.objective.items()
    }
    n_condition = sum(WIDTHS.get(entry["kind"]) or len(entry["categories"]) for entry in condition)
    return replace(
        alone,
        model="conditional_vae",
        network=replace(cast("NetworkSpec", alone.network), n_condition=n_condition),
        objective={**objective, "marginal_kl": TermSpec("marginal_kl", weight)},
    )


def _times(weight: float | WarmUp, factor: float) -> float | WarmUp:
    if isinstance(weight, WarmUp):
        return WarmUp(weight.start * factor, weight.stop * factor, weight.epochs)
    return weight * factor
