from __future__ import annotations

from typing import TYPE_CHECKING

from crepr import _validate

if TYPE_CHECKING:
    from torch import Tensor

    from crepr.models._output import Batch, Output


def pair(output: Output, batch: Batch, target: str) -> tuple[Tensor, Tensor]:
    """Return a decoder's output and its target, which must have the same shape."""
    _validate.has_key(output.outputs, target, where="output.outputs", hint="Set target to one of them.")
    _validate.has_key(batch["targets"], target, where="batch['targets']", hint="Set target to one of them.")
    decoded, expected = output.outputs[target], batch["targets"][target]
    if decoded.shape != expected.shape:
        raise ValueError(
            f"Output and target {target!r} must have the same shape, got {tuple(decoded.shape)} and {tuple(expected.shape)}."
        )
    return decoded, expected
