"""Pairs of images of one label and of several, and how far apart they are."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _validate
from crepr.stats._draw_pairs import draw_pairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from crepr.stats._draw_pairs import Kind

KINDS: tuple[Kind, ...] = ("any", "same", "different")


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
        Of each row of the table: number of the label, kind, and places in `pairs` of those within the label and to other labels.
    """

    labels: Sequence[str]
    n_images: np.ndarray
    pairs: np.ndarray
    rows: list[tuple[int, Kind, np.ndarray, np.ndarray]]


def plan_label_pairs(
    of_image: np.ndarray, labels: Sequence[str], control: np.ndarray | None, n_pairs: int, seed: int
) -> LabelPairs:
    """Draw pairs of images within and between labels, and with `control`, a code per image, within and across its values."""
    members = [np.flatnonzero(of_image == code) for code in range(len(labels))]
    drawn: dict[tuple[int, int, int], np.ndarray] = {}
    for number, kind in enumerate(KINDS[: 1 if control is None else 3]):
        for a, b in combinations_with_replacement(range(len(labels)), 2):
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
    for number, kind in enumerate(KINDS[: 1 if control is None else 3]):
        for code in range(len(labels)):
            others = [at[number, min(code, other), max(code, other)] for other in range(len(labels)) if other != code]
            rows.append((code, kind, at[number, code, code], np.concatenate(others)))
    return LabelPairs(
        labels, np.bincount(of_image, minlength=len(labels)), np.column_stack(np.divmod(distinct, len(of_image))), rows
    )


def check_label_pairs(plan: LabelPairs, groupby: str) -> None:
    """Warn, two calls up, of labels that have no score."""
    single = [name for name, n in zip(plan.labels, plan.n_images, strict=True) if n < 2]
    none = [
        f"{plan.labels[code]} ({kind})"
        for code, kind, same, other in plan.rows
        if plan.n_images[code] > 1 and not (len(same) and len(other))
    ]
    for what, names in (("one image", single), ("no pairs of images to compare within or across control", none)):
        if names:
            warnings.warn(
                f"Labels of {groupby!r} with {what}, whose scores are NaN: {_validate.listing(names)}.",
                UserWarning,
                stacklevel=3,
            )


def tabulate_label_distances(plan: LabelPairs, distances: np.ndarray) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return a row per label and kind of pairs, and the means over labels."""
    records = []
    for code, kind, same, other in plan.rows:
        near, far = distances[same], distances[other]
        records.append({
            "label": plan.labels[code], "control": kind, "n_images": int(plan.n_images[code]),
            "n_pairs_same": len(same), "n_pairs_other": len(other),
            "mean_same": near.mean() if len(near) else np.nan,
            "mean_other": far.mean() if len(far) else np.nan,
            "sd_other": far.std(ddof=1) if len(far) > 1 else np.nan,
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
