from __future__ import annotations

from typing import TYPE_CHECKING

from crepr.models._terms._pair import pair

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def mse(output: Output, batch: Batch, *, target: str) -> Tensor:
    """Measure how far the decoded intensities are from the target's.

    Squared error, summed over channels and pixels. With weight 1, a Gaussian log-likelihood of variance 1/2, up to a constant.

    Parameters
    ----------
    output, batch
        With `(B, channels, size, size)` under `target`; the output is a value.
    target
        Name of the target.

    Returns
    -------
    One value per cell, `(B,)`, in squared units of intensity.

    Raises
    ------
    KeyError
        If there is no such target.
    ValueError
        If output and target differ in shape.
    """
    decoded, expected = pair(output, batch, target)
    # float32: under autocast, a sum over many pixels needs it
    return (decoded.float() - expected.float()).square().flatten(1).sum(1)
