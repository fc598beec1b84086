"""Combinations of groups, and the terms that they are predicted from."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from crepr import _validate


@dataclass(frozen=True)
class Combination:
    """What is predicted.

    Attributes
    ----------
    name
        Of the combination.
    groups
        Groups whose rows it is: its own, and those of the same names in another order.
    terms
        Group or direction -> coefficient; with control, coefficients of groups add up to 1, unless the user said otherwise.
    """

    name: str
    groups: tuple[str, ...]
    terms: dict[str, float]

    def missing(self, known: Sequence[str]) -> list[str]:
        """Terms that are not there."""
        return [name for name in self.terms if name not in known]

    def written(self) -> str:
        """Return the sum as text: `'A + B - DMSO'`."""
        text = ""
        for name, value in self.terms.items():
            size = "" if abs(value) == 1 else f"{abs(value):g} "
            text += f" {'-' if value < 0 else '+'} {size}{name}" if text else f"{'-' if value < 0 else ''}{size}{name}"
        return text


def find_combinations(
    combinations: Any,
    groups: Sequence[str],
    *,
    control: str,
    separator: str,
    ignore_order: bool,
    directions: Sequence[str],
) -> list[Combination]:
    """Find what is to be predicted; terms may be missing.

    Parameters
    ----------
    combinations, control, separator, ignore_order
        As in :func:`crepr.tl.latent_arithmetic`.
    groups
        Names of all groups.
    directions
        Names that are directions where they are terms.
    """
    if isinstance(combinations, pd.DataFrame):
        combinations = _of_table(combinations)
    if isinstance(combinations, Mapping):
        return [_of_terms(name, terms, groups, control, directions) for name, terms in combinations.items()]
    if combinations != "auto" and (isinstance(combinations, str) or not isinstance(combinations, Sequence)):
        raise TypeError(
            f"combinations must be 'auto', a list of groups, or a mapping or table of their terms, got {combinations!r}."
        )
    if not isinstance(separator, str) or not separator:
        raise TypeError(f"separator must be text between names, such as '|', got {separator!r}.")

    def parts(name: str) -> tuple[str, ...]:
        pieces = _split(name, separator)
        return tuple(sorted(pieces) if ignore_order else pieces)

    alike: dict[tuple[str, ...], list[str]] = {}
    for name in groups:
        if separator in name and name != control:
            alike.setdefault(parts(name), []).append(name)
    if not alike:
        raise ValueError(
            f"No group has separator={separator!r} in its name (there are: {_validate.listing(groups)}). Set separator, or give combinations "
            "as a mapping of their terms."
        )
    wanted = {key: names[0] for key, names in alike.items()}
    if combinations != "auto":
        for name in combinations:
            if parts(name) not in alike:
                raise KeyError(
                    f"combinations names {name!r}, which is no combination (there are: {_validate.listing(wanted.values())}). Name some of them."
                )
        wanted = {parts(name): name for name in combinations}
    return [
        Combination(name, tuple(alike[key]), _with_control(dict(Counter(_split(name, separator))), control, directions))
        for key, name in wanted.items()
    ]


def _of_table(table: pd.DataFrame) -> dict[str, dict[str, Any]]:
    for kind, names in (("rows", table.index.astype(str)), ("columns", table.columns.astype(str))):
        if names.has_duplicates:
            twice = names[names.duplicated()].unique().tolist()
            raise ValueError(
                f"combinations has several {kind} of the same name: {_validate.listing(twice, limit=5)}. Keep one of each."
            )
    return {
        str(name): {str(term): value for term, value in row.items() if not pd.isna(value)}
        for name, row in table.iterrows()
    }


def _split(name: str, separator: str) -> list[str]:
    return [piece.strip() for piece in name.split(separator)]


def _of_terms(name: Any, terms: Any, groups: Sequence[str], control: str, directions: Sequence[str]) -> Combination:
    _validate.has_key(
        groups, str(name), where="the groups", hint="Name in combinations groups that are to be predicted."
    )
    if isinstance(terms, Mapping):
        made = {
            str(term): _validate.number(f"combinations[{name!r}][{term!r}]", value) for term, value in terms.items()
        }
    elif isinstance(terms, Sequence) and not isinstance(terms, str):
        made = {str(term): float(times) for term, times in Counter(terms).items()}
    else:
        raise TypeError(f"combinations[{name!r}] must be a list of terms or a mapping to coefficients, got {terms!r}.")
    # control that is named, with 0 too, is as the user wants it
    is_told = control in made
    made = {term: value for term, value in made.items() if value}
    if not set(made) - {control} or str(name) in made:
        raise ValueError(
            f"combinations[{name!r}] must name terms other than {control!r} and itself, got {terms!r}. Name what it is predicted from."
        )
    return Combination(str(name), (str(name),), made if is_told else _with_control(made, control, directions))


def _with_control(terms: Mapping[str, float], control: str, directions: Sequence[str]) -> dict[str, float]:
    """Let coefficients of groups add up to 1, so that only changes from control are added up."""
    total = sum(value for name, value in terms.items() if name not in (control, *directions))
    made = {name: float(value) for name, value in terms.items() if name != control}
    return made if total == 1 else {**made, control: 1.0 - total}
