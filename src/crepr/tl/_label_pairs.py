"""Pairs of images of one label and of several, and how far apart they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from crepr import _validate
from crepr._warn import warn
from crepr.stats._draw_pairs import draw_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.stats._draw_pairs import Kind

KINDS: tuple[Kind, ...] = ("any", "same", "different")


class Row(NamedTuple):
    """A row of the table.

    Attributes
    ----------
    label
        Number of the label.
    kind
        Kind of pairs.
    same, other
        Places of the pairs within the label and, one other label after the other, to those.
    counts
        Pairs with each other label that there are some with.
    """

    label: int
    kind: Kind
    same: np.ndarray
    other: np.ndarray
    counts: np.ndarray


@dataclass(frozen=True)
class LabelPairs:
    """Pairs of images to measure, and which of them each label is judged by.

    Attributes
    ----------
    labels
        Names of labels.
    n_images
        Images of each label.
    pairs
        Distinct pairs of images, `(p, 2)`.
    rows
        Of the table, with places in `pairs`.
    """

    labels: Sequence[str]
    n_images: np.ndarray
    pairs: np.ndarray
    rows: list[Row]


def plan_label_pairs(
    of_image: np.ndarray,
    labels: Sequence[str],
    control: np.ndarray | None,
    n_pairs: int,
    seed: int,
    *,
    n_others: int | None = None,
) -> LabelPairs:
    """Draw pairs of images within and between labels, and with `control`, a code per image, within and across its values.

    Each label is compared with all others, or with `n_others` that are drawn.
    """
    members = [np.flatnonzero(of_image == code) for code in range(len(labels))]
    others = [_others(code, len(labels), n_others, seed) for code in range(len(labels))]
    needed = [{(code, code), *((min(code, b), max(code, b)) for b in chosen)} for code, chosen in enumerate(others)]
    drawn: dict[tuple[int, int, int], np.ndarray] = {}
    kinds = KINDS[: 1 if control is None else 3]
    for number, kind in enumerate(kinds):
        for a, b in sorted(set().union(*needed)):
            # a stream for each, so that what is drawn does not depend on what else is
            rng = np.random.default_rng([seed, number, a, b])
            second = None if a == b else members[b]
            pairs = draw_pairs(n_pairs, members[a], second, strata=control, kind=kind, rng=rng)
            drawn[number, a, b] = np.sort(pairs, axis=1)
    sizes = [len(pairs) for pairs in drawn.values()]
    # a number for each pair, as rows are slow to sort
    numbers = np.concatenate(list(drawn.values())) @ np.array([len(of_image), 1])
    distinct, places = np.unique(numbers, return_inverse=True)
    at = dict(zip(drawn, np.split(places, np.cumsum(sizes)[:-1]), strict=True))
    rows = []
    for number, kind in enumerate(kinds):
        for code, chosen in enumerate(others):
            parts = [at[number, min(code, b), max(code, b)] for b in chosen]
            counts = np.array([len(part) for part in parts])
            rows.append(Row(code, kind, at[number, code, code], np.concatenate(parts), counts[counts > 0]))
    return LabelPairs(
        labels, np.bincount(of_image, minlength=len(labels)), np.column_stack(np.divmod(distinct, len(of_image))), rows
    )


def _others(code: int, n_labels: int, n_others: int | None, seed: int) -> list[int]:
    """Return the labels that one is compared with."""
    others = np.delete(np.arange(n_labels), code)
    if n_others is not None and n_others < len(others):
        # no kind of pairs has this number
        rng = np.random.default_rng([seed, len(KINDS), code])
        others = np.sort(rng.choice(others, n_others, replace=False, shuffle=False))
    return others.tolist()


def check_images(of_image: np.ndarray, cells: np.ndarray, groupby: str, image_key: str) -> None:
    """Raise if no label has two images, of which each cell has one; warn if these are single cells."""
    if np.bincount(of_image).max() < 2:
        raise ValueError(
            f"Each label of groupby={groupby!r} has one image of image_key={image_key!r}, and there are no two to compare. Set image_key to a "
            "finer column, such as the field, the well or the protein."
        )
    if len(of_image) == len(cells):
        warn(
            f"Each image of image_key={image_key!r} has one cell, so that distances are those of cells. Unless these are profiles of images, "
            "set image_key to the column with the field, the well or the protein."
        )


def check_label_pairs(plan: LabelPairs, groupby: str) -> None:
    """Warn of labels that have no score."""
    single = [name for name, n in zip(plan.labels, plan.n_images, strict=True) if n < 2]
    none = [
        f"{plan.labels[row.label]} ({row.kind})"
        for row in plan.rows
        if plan.n_images[row.label] > 1 and not (len(row.same) and len(row.other))
    ]
    for what, hint, names in (
        ("one image", "Set image_key to a finer column, or leave their cells out", single),
        ("no pairs of images to compare within or across control", "Leave control out, or choose another column", none),
    ):
        if names:
            warn(f"Labels of {groupby!r} with {what}, whose scores are NaN: {_validate.listing(names)}. {hint}.")


def tabulate_label_distances(plan: LabelPairs, distances: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row per label and kind of pairs, and the means over labels."""
    records = []
    for row in plan.rows:
        near = distances[row.same]
        mean, sd = _mean_of_others(distances[row.other], row.counts)
        records.append({
            "label": plan.labels[row.label], "control": row.kind, "n_images": int(plan.n_images[row.label]),
            "n_pairs_same": len(near), "n_pairs_other": len(row.other),
            "mean_same": near.mean() if len(near) else np.nan, "mean_other": mean, "sd_other": sd,
        })  # fmt: skip
    table = pd.DataFrame(records)
    difference = table["mean_same"] - table["mean_other"]
    # cells that are all the same have no spread
    table["z"] = difference / table["sd_other"].where(table["sd_other"] > 0)
    table["relative"] = difference / table["mean_other"].where(table["mean_other"] > 0)
    kinds = table.groupby("control", sort=False)
    macro = kinds[["z", "relative"]].mean()
    macro.insert(0, "n_labels", kinds["relative"].count())
    return table, macro.reset_index()


def _mean_of_others(distances: np.ndarray, counts: np.ndarray) -> tuple[float, float]:
    """Return mean and standard deviation of distances to other labels, each of which counts as much, however many pairs there are with it."""
    if not len(distances):
        return np.nan, np.nan
    weights = np.repeat(1 / (counts * len(counts)), counts)
    mean = weights @ distances
    # unbiased, as the usual one is that of equal weights
    rest = 1 - weights @ weights
    return mean, np.sqrt(weights @ (distances - mean) ** 2 / rest) if len(distances) > 1 else np.nan
