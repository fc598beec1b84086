"""How well labels are told apart, one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

if TYPE_CHECKING:
    from collections.abc import Sequence

MEASURES = ("recall", "balanced_accuracy", "auc")


def classification_scores(codes: np.ndarray, predicted: np.ndarray, scores: np.ndarray) -> pd.DataFrame:
    r"""Score the prediction of each label against all others.

    .. math:: \mathrm{recall} = \frac{TP}{TP + FN}, \quad
              \mathrm{balanced\ accuracy} = \frac{1}{2} \left(\frac{TP}{TP + FN} + \frac{TN}{TN + FP}\right)

    Recall of a label is what :cite:t:`Moser2025` plot as its accuracy; the balanced accuracy of a label that is never predicted is one half.

    Parameters
    ----------
    codes, predicted
        True and predicted label of each cell, `(n,)`, 0 to `k - 1`.
    scores
        Probability or score of each label, `(n, k)`; larger is likelier.

    Returns
    -------
    A row per label: `n_cells` (that have it), `recall`, `balanced_accuracy`, `auc` (of the receiver operating characteristic);
    NaN for labels that no cell, or each cell, has.
    """
    k = scores.shape[1]
    table = np.zeros((k, k))
    np.add.at(table, (codes, predicted), 1)
    support, hits, named = table.sum(1), table.diagonal(), table.sum(0)
    with np.errstate(invalid="ignore"):
        recall = hits / support
        specificity = 1 - (named - hits) / (len(codes) - support)
    return pd.DataFrame({
        "n_cells": support.astype(int),
        "recall": recall,
        "balanced_accuracy": (recall + specificity) / 2,
        "auc": [
            roc_auc_score(codes == label, scores[:, label]) if 0 < support[label] < len(codes) else np.nan
            for label in range(k)
        ],
    })  # fmt: skip


def macro_scores(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return means over labels for each table, such as of a fold: a row per table, a column per measure and `accuracy`."""
    rows = [
        {
            **table[list(MEASURES)].mean(),
            "accuracy": (table["recall"] * table["n_cells"]).sum() / table["n_cells"].sum(),
        }
        for table in tables
    ]
    return pd.DataFrame(rows)
