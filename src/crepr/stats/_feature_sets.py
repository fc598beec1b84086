"""Sets of features that say the same thing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.cluster.hierarchy import cut_tree, fcluster, leaves_list, linkage
from scipy.spatial.distance import pdist, squareform

type Linkage = Literal["average", "complete", "single", "ward", "weighted"]
type Metric = Literal["euclidean", "correlation"]


@dataclass(frozen=True)
class FeatureSets:
    """A tree of `d` features, and the sets it is cut into.

    Attributes
    ----------
    tree
        Linkage as scipy has it, `(d - 1, 4)`.
    order
        Features from one side of the tree to the other, `(d,)`.
    codes
        Set of each feature, `(d,)`, 0, 1, ... in the order of the tree.
    signs
        1, or -1 for features that run against the first component of their set, `(d,)`.
    """

    tree: np.ndarray
    order: np.ndarray
    codes: np.ndarray
    signs: np.ndarray


def feature_sets(
    correlation: np.ndarray,
    *,
    n_sets: int | None = None,
    height: float | None = None,
    method: Linkage = "average",
    metric: Metric = "euclidean",
) -> FeatureSets:
    r"""Cluster features by their correlations, and cut the tree into a number of sets or at a height.

    The sign of a feature is that of its loading on the first component of its set, the leading eigenvector of the correlations in it, which is turned
    so that most of its loadings, by their sum, are positive.

    Parameters
    ----------
    correlation
        Correlations of all features, `(d, d)`, at least two.
    n_sets, height
        Number of sets, or where to cut, in units of the metric; one of them.
    method
        How the distance of two clusters is made of those of their features.
    metric
        `'euclidean'`, the distance of rows of the matrix: features are near that correlate alike with all others; or `'correlation'`, 1 less the
        correlation.
    """
    # unchecked, as rounding leaves the two halves unlike and the diagonal not quite 0
    distances = pdist(correlation) if metric == "euclidean" else squareform(1 - correlation, checks=False)
    tree = linkage(distances, method, optimal_ordering=True)
    found = cut_tree(tree, n_sets).ravel() if height is None else fcluster(tree, height, "distance")
    order = leaves_list(tree)
    _, first = np.unique(found[order], return_index=True)
    numbers = {found[order][place]: code for code, place in enumerate(np.sort(first))}
    codes = np.array([numbers[value] for value in found])
    signs = np.ones(len(codes), dtype=np.int64)
    for code in range(len(numbers)):
        members = np.flatnonzero(codes == code)
        loadings = np.linalg.eigh(correlation[np.ix_(members, members)])[1][:, -1]
        # halves that oppose each other alike are turned to the first feature
        total = loadings.sum()
        turned = loadings * np.sign(total if abs(total) > 1e-9 else loadings[0])
        signs[members] = np.where(turned < 0, -1, 1)
    return FeatureSets(tree, order, codes, signs)
