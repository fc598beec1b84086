"""What analyses of one representation say, as rows of one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from crepr import get
from crepr.tl._classify import classify
from crepr.tl._cluster_metrics import cluster_metrics
from crepr.tl._optimize_leiden import optimize_leiden
from crepr.tl._permanova import permanova
from crepr.tl._ridge_genes import ridge_genes

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from crepr._types import Data

    type Analysis = Callable[..., pd.DataFrame]

# R2 from which a gene counts as told
TOLD = 0.1


def compare_clusters(
    data: Data, groupby: str, where: Mapping[str, Any], key: str, options: Mapping[str, Any]
) -> pd.DataFrame:
    """Cluster as :func:`crepr.tl.optimize_leiden` does, and compare with the labels."""
    clusters = f"{key}_leiden"
    optimize_leiden(data, **where, key_added=clusters, **options)
    cluster_metrics(data, clusters, groupby, **where, rng=options["rng"], device=options["device"], key_added=key)
    table = get.cluster_metrics(data, key_added=key).drop(columns=["clustering", "n_cells"])
    # by purity stand its spread and chance, as by other measures theirs
    beside = ["purity_sd", "purity_chance"]
    found = table.drop(columns=beside).melt(var_name="measure")
    found.loc[found["measure"] == "purity", ["sd", "chance"]] = table[beside].to_numpy()
    return found


def compare_groups(
    data: Data, groupby: str, where: Mapping[str, Any], key: str, options: Mapping[str, Any]
) -> pd.DataFrame:
    """Count the pairs of labels that differ in place and in spread, see :func:`crepr.tl.permanova`."""
    permanova(data, groupby, **where, key_added=key, **options)
    table = get.permanova(data, key_added=key)
    alpha = options.get("alpha", 0.05)
    found = {"pairs": float(len(table)), "pairs_in_place": float((table["pval_adj"] <= alpha).sum())}
    if "permdisp_pval_adj" in table:
        found["pairs_in_spread"] = float((table["permdisp_pval_adj"] <= alpha).sum())
    found["omega2"] = table["omega2"].median()
    return pd.DataFrame(found.items(), columns=["measure", "value"])


def compare_labels(
    data: Data, groupby: str, where: Mapping[str, Any], key: str, options: Mapping[str, Any]
) -> pd.DataFrame:
    """Predict the labels, see :func:`crepr.tl.classify`."""
    classify(data, groupby, **where, key_added=key, **options)
    labels, macro = (get.classify(data, table=name, key_added=key) for name in ("labels", "macro"))
    parts = [macro]
    for measure in ("recall", "balanced_accuracy", "auc"):
        names = {measure: "value", f"{measure}_sd": "sd", f"{measure}_chance": "chance", "label": "label"}
        parts.append(labels.reindex(columns=list(names)).rename(columns=names).assign(measure=measure))
    return pd.concat(parts, ignore_index=True)


def compare_genes(
    data: Data, groupby: str, where: Mapping[str, Any], key: str, options: Mapping[str, Any]
) -> pd.DataFrame:
    """Predict the genes, see :func:`crepr.tl.ridge_genes`."""
    ridge_genes(data, **where, key_added=key, **options)
    table = get.ridge_genes(data, key_added=key)
    whole = pd.DataFrame({"measure": ["genes_told", "r2"], "value": [(table["r2"] >= TOLD).sum(), table["r2"].mean()]})
    names = {"gene": "gene", "r2": "value", "r2_sd": "sd", "r2_null": "chance"}
    return pd.concat(
        [whole, table.reindex(columns=list(names)).rename(columns=names).assign(measure="r2")], ignore_index=True
    )


ANALYSES: dict[str, Analysis] = {
    "cluster_metrics": compare_clusters,
    "permanova": compare_groups,
    "classify": compare_labels,
    "ridge_genes": compare_genes,
}
