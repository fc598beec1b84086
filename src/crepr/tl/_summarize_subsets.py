from __future__ import annotations

import numpy as np
import pandas as pd


def summarize_subsets(table: pd.DataFrame) -> pd.DataFrame:
    """Set each subset beside the random draws of its size.

    Parameters
    ----------
    table
        One row per call: `subset`, `draw` (missing for subsets that were given), `seed`, `n_genes`, and measures.

    Returns
    -------
    One row per subset given and measure; for columns see :func:`crepr.tl.compare_gene_subsets`.
    """
    given, draws = table[table["draw"].isna()], table[table["draw"].notna()]
    rows = []
    for measure in table.columns[4:]:
        for name, size, value in zip(given["subset"], given["n_genes"], given[measure], strict=True):
            random = draws.loc[draws["n_genes"] == size, measure].dropna()
            reached = ((random >= value).sum() + 1) / (len(random) + 1)
            rows.append(
                {
                    "subset": name,
                    "n_genes": size,
                    "measure": measure,
                    "value": value,
                    "random_mean": random.mean(),
                    "random_sd": random.std(),
                    "random_min": random.min(),
                    "random_max": random.max(),
                    "n_draws": len(random),
                    "reached": reached if len(random) and not np.isnan(value) else np.nan,
                }
            )
    return pd.DataFrame(rows)
