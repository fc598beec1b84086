from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from crepr.models._terms._pair import pair

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def bce(output: Output, batch: Batch, *, target: str) -> Tensor:
    """Measure how badly the decoded probabilities predict a target between 0 and 1.

    Binary cross-entropy of logits, summed over channels and pixels, in nats. For a target of grey values its minimum is not 0
    but the target's entropy.

    Parameters
    ----------
    output, batch
        With `(B, channels, size, size)` under `target`; the output is a logit.
    target
        Name of the target, whose values lie between 0 and 1.

    Returns
    -------
    One value per cell, `(B,)`, in nats.

    Raises
    ------
    KeyError
        If there is no such target.
    ValueError
        If output and target differ in shape.
    """
    logits, expected = pair(output, batch, target)
    # float32: under autocast, a sum over many pixels needs it
    return F.binary_cross_entropy_with_logits(logits.float(), expected.float(), reduction="none").flatten(1).sum(1)
