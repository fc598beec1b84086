"""What a search of hyper-parameters may try."""

from __future__ import annotations

import itertools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from crepr import _validate
from crepr.models._profile_network import WIDTHS, profile_network
from crepr.models._spec import InputSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

#: Arguments of `train_vae` of which a range can be tried; other options have choices.
RANGES = {"lr": float, "weight_decay": float, "batch_size": int, "n_latent": int}
#: Options of models of profiles that leave the loss what it is.
OPTIONS = ("widths", "blocks", "slope")
#: Chow et al. tried batches of 32 to 512 and 5 to 150 latents.
DEFAULTS: dict[str, Any] = {
    "lr": (1e-5, 1e-2),
    "batch_size": (32, 512),
    "n_latent": (5, 150),
    "blocks": ["norm", "plain"],
    "widths": [[250], [500], [500, 250]],
}


@dataclass(frozen=True)
class Range:
    """Numbers between two, as likely to be tried in each power of ten."""

    low: float
    high: float
    #: Whether they are integers.
    whole: bool


type Space = dict[str, Range | list[Any]]


def search_space(given: Any, *, fixed: Mapping[str, Any], model: str, n_rows: int, n_features: int) -> Space:
    """Return what is tried of each option: that given, or by default what is fitting and not `fixed`.

    Parameters
    ----------
    given
        Option -> `(low, high)` or a list of choices, or `None`.
    fixed
        Options that have a value already; `None` is none.
    model
        Name of the model.
    n_rows, n_features
        Of the profiles to train on.
    """
    taken = [name for name, value in fixed.items() if value is not None]
    if given is None:
        # the kernel of the discrepancy changes with the number of latents, and the loss with it
        left_out = [*taken, *(["n_latent"] if model == "mmd_vae" else [])]
        space = {name: _capped(name, value, n_rows, n_features) for name, value in DEFAULTS.items()}
        space = {name: value for name, value in space.items() if name not in left_out}
    else:
        space = {str(name): _tried(str(name), value) for name, value in _validate.options("space", given).items()}
    if not space:
        raise ValueError("space holds no option to search. Name one, such as {'lr': (1e-5, 1e-2)}.")
    for name in space:
        if name in taken:
            raise ValueError(f"{name} is in space and has a value, {fixed[name]!r}. Leave it out of one of them.")
    largest = space.get("batch_size")
    if largest is not None and _most(largest) > n_rows:
        raise ValueError(
            f"space: batch_size of up to {_most(largest):g} is more than the {n_rows} rows to train on. Set it lower."
        )
    return space


def check_networks(space: Space, fixed: Mapping[str, Any], n_latent: int, channels: Sequence[str]) -> None:
    """Raise if a network that may be tried cannot be made."""
    options: dict[str, Any] = {"widths": WIDTHS, "blocks": "norm", "slope": None, "decoder_widths": {}}
    options |= {name: fixed[name] for name in options if fixed.get(name) is not None}
    choices = {name: list(value) for name, value in space.items() if name in OPTIONS and isinstance(value, list)}
    most = int(_most(space["n_latent"])) if "n_latent" in space else n_latent
    for chosen in itertools.product(*choices.values()):
        profile_network(
            {"profiles": InputSpec(tuple(channels), kind="profile")},
            n_latent=most,
            **{**options, "decoder_widths": {}, **dict(zip(choices, chosen, strict=True))},
        )


def plain(space: Space) -> dict[str, Any]:
    """Return the space as JSON."""
    return {
        name: [json.dumps(choice) for choice in value] if isinstance(value, list) else {"low": value.low, "high": value.high}
        for name, value in space.items()
    }  # fmt: skip


def _capped(name: str, value: Any, n_rows: int, n_features: int) -> Range | list[Any]:
    if name not in RANGES:
        return list(value)
    low, high = value
    if name in ("batch_size", "n_latent"):
        high = min(high, n_rows if name == "batch_size" else n_features)
    return Range(min(low, high), high, RANGES[name] is int)


def _tried(name: str, value: Any) -> Range | list[Any]:
    if name in ("beta", "mmd"):
        raise ValueError(
            f"space holds {name!r}, and losses of different {name} cannot be compared. Call cr.tl.tune_beta, and give one value here."
        )
    _validate.choice("space: option", name, (*RANGES, *OPTIONS))
    if isinstance(value, list):
        if not value:
            raise ValueError(f"space: {name} has no choices. Give some, or leave it out.")
        return [_check_choice(name, _plain(choice)) for choice in value]
    if name not in RANGES or not isinstance(value, tuple) or len(value) != 2:
        what = "a list of choices" if name not in RANGES else "a range, (low, high), or a list of choices"
        raise TypeError(f"space: {name} must be {what}, got {value!r}.")
    low, high = (_check_choice(name, end) for end in value)
    if low >= high or low == 0:
        raise ValueError(f"space: {name} must rise from above 0, got {value!r}.")
    return Range(low, high, RANGES[name] is int)


def _check_choice(name: str, value: Any) -> Any:
    if name in RANGES and RANGES[name] is int:
        return _validate.integer(f"space: {name}", value, minimum=1)
    if name in RANGES:
        return _validate.number(f"space: {name}", value, minimum=0, exclusive=name == "lr")
    if name == "widths" and not isinstance(value, list):
        raise TypeError(f"space: choices of widths must be lists, such as [[250], [500, 250]], got {value!r}.")
    return value


def _plain(value: Any) -> Any:
    if isinstance(value, tuple | list | np.ndarray):
        return [_plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value


def _most(tried: Range | list[Any]) -> float:
    return max(tried) if isinstance(tried, list) else tried.high
