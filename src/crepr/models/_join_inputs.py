from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr.models._encoder import EncoderSpec
    from crepr.models._profile_encoder import ProfileEncoderSpec
    from crepr.models._spatial_encoder import SpatialEncoderSpec


def join_inputs(spec: EncoderSpec | ProfileEncoderSpec | SpatialEncoderSpec, inputs: Mapping[str, Tensor]) -> Tensor:
    """Return what an encoder reads, `(B, channels, size, size)` or `(B, n_features)`: its inputs, joined along their channels."""
    for name in spec.inputs:
        _validate.has_key(inputs, name, where="inputs", hint="The network was made for it.")
    x = torch.cat([inputs[name] for name in spec.inputs], dim=1) if len(spec.inputs) > 1 else inputs[spec.inputs[0]]
    if x.shape[1:] != spec.shape:
        raise ValueError(
            f"inputs {_validate.listing(spec.inputs)} must have shape (B, {', '.join(map(str, spec.shape))}) together, got {tuple(x.shape)}."
        )
    return x
