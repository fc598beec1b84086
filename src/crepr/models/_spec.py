from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import torch

from crepr import _validate
from crepr.models._from_plain import from_plain
from crepr.models._latents import LATENTS
from crepr.models._network import Network, NetworkSpec
from crepr.models._objective import Objective, WarmUp
from crepr.models._spatial_network import SpatialNetwork, SpatialNetworkSpec
from crepr.models._terms import OUTPUTS, TERMS

if TYPE_CHECKING:
    from collections.abc import Iterable

FORMAT = 1


@dataclass(frozen=True)
class InputSpec:
    """What a model reads under one name.

    Attributes
    ----------
    channels
        Names of the channels, of the genes or of the features; in this order.
    size
        Pixels per side; 1 of a profile.
    kind
        `'intensity'`: pictures with values between 0 and 1. `'planes'`: one plane of zeros and ones per gene. `'profile'`: a number
        per feature.
    options
        What else is needed to make the input from the data, plain JSON, such as `{"dilation": 3}`. The network does not read it.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If names are missing or repeated, or a number or option is out of range.
    """

    channels: tuple[str, ...]
    size: int = 1
    kind: Literal["intensity", "planes", "profile"] = "intensity"
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        _validate.integer("size", self.size, minimum=1)
        _validate.choice("kind", self.kind, ("intensity", "planes", "profile"))
        if self.kind == "profile" and self.size != 1:
            raise ValueError(f"size={self.size} of a profile, which has no pixels. Leave it out.")
        _check_names("channels", self.channels)
        _plain_json("options", self.options)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of what it shows of a cell."""
        n = len(self.channels)
        return (n,) if self.kind == "profile" else (n, self.size, self.size)


@dataclass(frozen=True)
class TermSpec:
    """A term of the objective by name, with its weight.

    Attributes
    ----------
    term
        Name of the term, such as `'mse'` or `'kl'`; see :doc:`/models`.
    weight
        A number, or a warm-up.
    target
        What a reconstruction term compares; `None` for others.
    options
        Options of the term.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If the term or an option of it is unknown or out of range, or the target is missing or too many.
    """

    term: str
    weight: float | WarmUp = 1.0
    target: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = TERMS[_validate.choice("term", self.term, TERMS)]
        if not isinstance(self.weight, WarmUp):
            object.__setattr__(self, "weight", _validate.number("weight", self.weight, minimum=0))
        if (self.target is None) == (kind.reads in OUTPUTS):
            raise ValueError(
                f"Term {self.term!r} {'needs a' if self.target is None else 'takes no'} target, got {self.target!r}."
            )
        for name, value in self.options.items():
            _validate.choice(f"option of term {self.term!r}", name, kind.options)
            _in_range(name, from_plain(kind.options[name], value, f"option {name!r} of term {self.term!r}"))


@dataclass(frozen=True)
class ModelSpec:
    """All that makes a model but its weights; what follows reads this, and never the model's name.

    Attributes
    ----------
    model
        Name of the model, for people.
    inputs
        What the model reads, by name.
    network
        Encoders, latent, decoders; or encoders and decoders with maps between them.
    objective
        Terms by name.
    view
        How inputs and targets are made of a cell, plain JSON with `"name"`.

    Raises
    ------
    TypeError
        If a value has the wrong type.
    ValueError
        If parts do not fit each other: inputs and encoders, decoders and targets, terms and outputs.
    """

    model: str
    inputs: dict[str, InputSpec]
    network: NetworkSpec | SpatialNetworkSpec
    objective: dict[str, TermSpec]
    view: dict[str, Any] = field(default_factory=lambda: {"name": "identity"})

    def __post_init__(self) -> None:
        _plain_json("view", self.view)
        if "name" not in self.view:
            raise ValueError(f"view must have a 'name', got {self.view!r}.")
        _check_encoders(self.seen(), self.network)
        _check_decoders(self.drawn(), self.network)
        _check_objective(self.objective, self.network)

    def seen(self) -> dict[str, InputSpec]:
        """What encoders read, by its name in a batch: the inputs, or versions of the one that the view is made of."""
        versions = self.view.get("sees")
        return self.inputs if versions is None else self._versions(versions)

    def drawn(self) -> dict[str, InputSpec]:
        """What decoders draw, by its name in a batch: the inputs, or versions of the one that the view is made of."""
        targets = [decoder.target for decoder in self.network.decoders.values()]
        return self.inputs if "shows" not in self.view else self._versions(targets)

    def _versions(self, names: Iterable[str]) -> dict[str, InputSpec]:
        whole = self.inputs[self.view["source"]]
        shows = self.view.get("shows", {})
        return {name: replace(whole, channels=tuple(shows.get(name, whole.channels))) for name in names}

    def build(self, *, seed: int = 0) -> Network | SpatialNetwork:
        """Make the network; the same seed gives the same weights, and no other random stream is touched."""
        with torch.random.fork_rng(devices=[]):
            torch.random.default_generator.manual_seed(seed)
            return (
                SpatialNetwork(self.network) if isinstance(self.network, SpatialNetworkSpec) else Network(self.network)
            )

    def build_objective(self) -> Objective:
        """Make the objective."""
        terms = {}
        for name, spec in self.objective.items():
            options = spec.options if spec.target is None else {"target": spec.target, **spec.options}
            terms[name] = (partial(TERMS[spec.term].function, **options), spec.weight)
        return Objective(terms)

    def is_probability(self, target: str) -> bool:
        """Whether the output for a target is the logit of a probability (apply a sigmoid), or else a value."""
        _validate.has_key(_reads(self.objective), target, where="targets", hint="Give one of them.")
        return _reads(self.objective)[target] == "logit"

    def to_json(self) -> str:
        """Write as JSON."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=2, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> ModelSpec:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        ValueError
            If the text is not JSON, of a newer format, has unknown or missing keys, values of a wrong type, or parts that do
            not fit each other; the message names the place.
        """
        try:
            content = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"The specification of the model is not JSON ({error}). Take an undamaged copy."
            ) from error
        if not isinstance(content, dict) or type(content.get("format")) is not int or content["format"] < 1:
            raise ValueError("The specification of the model has no 'format'. Take an undamaged copy.")
        version = content.pop("format")
        if version > FORMAT:
            raise ValueError(
                f"The specification of the model has format {version}, this version of crepr reads up to {FORMAT}. Update crepr."
            )
        return from_plain(cls, content, "spec")


def _check_names(name: str, values: tuple[str, ...]) -> None:
    if not isinstance(values, tuple) or not all(isinstance(value, str) for value in values):
        raise TypeError(f"{name} must be a tuple of str, got {values!r}.")
    if not values:
        raise ValueError(f"{name} must hold at least one name, got none.")
    if len(set(values)) < len(values):
        repeated = [value for value, count in Counter(values).items() if count > 1]
        raise ValueError(f"{name} must be unique, repeated are {_validate.listing(repeated)}.")


def _plain_json(name: str, value: dict[str, Any]) -> None:
    try:
        same = json.loads(json.dumps(value, allow_nan=False)) == value
    except (TypeError, ValueError):
        same = False
    if not same:
        raise TypeError(
            f"{name} must be plain JSON (lists, objects with str keys, finite numbers, str, bool, None), got {value!r}."
        )


def _in_range(name: str, value: Any) -> None:
    for number in value if isinstance(value, tuple) else [value]:
        if isinstance(number, float):
            _validate.number(name, number, minimum=0)
    if name == "alpha" and value is not None and value > 1:
        raise ValueError(f"alpha must be between 0 and 1, got {value}.")
    if name == "smooth" and (len(value) != 2 or not value[1]):
        raise ValueError(f"smooth must be two numbers, the second above 0, got {value}.")


def _check_encoders(inputs: dict[str, InputSpec], network: NetworkSpec | SpatialNetworkSpec) -> None:
    for name, encoder in network.encoders.items():
        for key in encoder.inputs:
            if key not in inputs:
                raise ValueError(f"Encoder {name!r} reads {key!r}, but the inputs are {_validate.listing(inputs)}.")
        shapes = [inputs[key].shape for key in encoder.inputs]
        # joined along their channels
        if {shape[1:] for shape in shapes} != {encoder.shape[1:]} or sum(shape[0] for shape in shapes) != encoder.shape[
            0
        ]:
            raise ValueError(
                f"Encoder {name!r} takes {_written(encoder.shape)}, but its inputs have {' and '.join(map(_written, shapes))}."
            )


def _written(shape: tuple[int, ...]) -> str:
    """Write a shape for a message."""
    return f"{shape[0]} features" if len(shape) == 1 else f"{shape[0]} channels of {shape[1]} pixels"


def _check_decoders(inputs: dict[str, InputSpec], network: NetworkSpec | SpatialNetworkSpec) -> None:
    for name, decoder in network.decoders.items():
        source = inputs.get(decoder.target)
        if source is not None and source.shape != decoder.shape:
            raise ValueError(
                f"Decoder {name!r} makes {_written(decoder.shape)}, but input {decoder.target!r} has {_written(source.shape)}."
            )


def _check_objective(objective: dict[str, TermSpec], network: NetworkSpec | SpatialNetworkSpec) -> None:
    channels = {decoder.target: decoder.shape[0] for decoder in network.decoders.values()}
    for name, term in objective.items():
        if term.target is not None and term.target not in channels:
            raise ValueError(
                f"Term {name!r} has target {term.target!r}, but the decoders' are {_validate.listing(channels)}."
            )
        reads = TERMS[term.term].reads
        if term.target is None and reads not in network.gives:
            having = [kind for kind, latent in LATENTS.items() if reads in latent.gives]
            raise ValueError(
                f"Term {name!r} reads the {reads} of a latent, which only {_validate.listing(having)} has. Take that kind of latent, or leave the "
                "term out."
            )
        weights, genes = term.options.get("gene_weights"), channels.get(term.target or "")
        if isinstance(weights, list | tuple) and len(weights) != genes:
            raise ValueError(f"Term {name!r} has {len(weights)} gene_weights for {genes} genes.")
    missing = [target for target in channels if target not in _reads(objective)]
    if missing:
        raise ValueError(f"No term compares target {_validate.listing(missing)}. Add one, or leave its decoder out.")


def _reads(objective: dict[str, TermSpec]) -> dict[str, str]:
    """What the terms take the output for each target for."""
    reads: dict[str, str] = {}
    for term in objective.values():
        if term.target is not None:
            kind = TERMS[term.term].reads
            if reads.setdefault(term.target, kind) != kind:
                raise ValueError(
                    f"Terms of target {term.target!r} take its output for logits and for values. Use one kind of term."
                )
    return reads
