"""Tables of what a classifier gave cells that were held out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from crepr.stats._folds import Fold
    from crepr.tl._fit_classifier import Held


def permuted_labels(codes: np.ndarray, strata: np.ndarray | None, n_perms: int, seed: int) -> list[np.ndarray]:
    """Return labels permuted again and again, within strata if there are any."""
    from crepr.stats._permuted import permuted

    return [row for block in permuted(codes, n_perms, rng=np.random.default_rng(seed), strata=strata) for row in block]


def gather(found: Sequence[Held], folds: Sequence[Fold], n: int, n_labels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return label and scores of each cell; -1 and NaN for cells that were never held out."""
    given, scores = np.full(n, -1), np.full((n, n_labels), np.nan, dtype=np.float32)
    for held, fold in zip(found, folds, strict=True):
        given[fold.test], scores[fold.test] = held.given, held.scores
    return given, scores


def long_table(found: Sequence[Sequence[Held]], names: list[str]) -> pd.DataFrame:
    """Return a row per point, fold and label."""
    parts = [
        held.table.assign(label=names, fold=k, point=point)
        for point, part in enumerate(found)
        for k, held in enumerate(part)
    ]
    table = pd.concat(parts, ignore_index=True)
    return table[["point", "fold", "label", *parts[0].columns[:-3]]]


def label_table(
    found: Sequence[Held], chance: Sequence[Sequence[Held]], names: list[str], codes: np.ndarray
) -> pd.DataFrame:
    """Return a row per label, with means over folds, and over permutations of what chance gives."""
    from crepr.stats._classification_scores import MEASURES

    measures = list(MEASURES)
    folds = long_table([found], names).groupby("label", sort=False)[measures]
    table = folds.mean().join(folds.std().add_suffix("_sd"))
    if chance:
        table = table.join(long_table(chance, names).groupby("label")[measures].mean().add_suffix("_chance"))
    table.insert(0, "n_cells", np.bincount(codes, minlength=len(names)))
    return table.reset_index()


def macro_table(macro: pd.DataFrame, chance: Sequence[Sequence[Held]]) -> pd.DataFrame:
    """Return a row per measure, its mean over labels."""
    from crepr.stats._classification_scores import macro_scores

    table = pd.DataFrame({"value": macro.mean(), "sd": macro.std()}).rename_axis("measure")
    if chance:
        table["chance"] = macro_scores([held.table for part in chance for held in part]).mean()
    return table.reset_index()


def sweep_table(points: Sequence[Mapping[str, Any]], macro: Sequence[pd.DataFrame], best: int) -> pd.DataFrame:
    """Return a row per point of a grid: its options, means over labels and which is the best."""
    options = pd.DataFrame([{name: str(value) for name, value in point.items()} for point in points])
    for name in options:
        numbers = pd.to_numeric(options[name], errors="coerce")
        # None and names stay text, which files can hold
        options[name] = options[name] if numbers.isna().any() else numbers
    scores = pd.DataFrame([{**table.mean(), **table.std().add_suffix("_sd")} for table in macro])
    table = pd.concat([options, scores], axis=1)
    table.insert(0, "point", range(len(points)))
    table["best"] = table["point"] == best
    return table


def confusion_table(codes: np.ndarray, given: np.ndarray, names: list[str]) -> pd.DataFrame:
    """Count cells by their label (rows) and the label that they were given (columns)."""
    counts, tested = np.zeros((len(names), len(names)), dtype=int), given >= 0
    np.add.at(counts, (codes[tested], given[tested]), 1)
    return pd.DataFrame(counts, names, names)
