"""A classifier, fitted and asked in folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from crepr import _validate

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from crepr.stats._folds import Fold

# of the published analysis
N_TREES = 1000


class Held(NamedTuple):
    """What cells that were held out were given: scores of labels, labels `(m,)` and float32 scores of cells `(m, k)`."""

    table: pd.DataFrame
    given: np.ndarray
    scores: np.ndarray


# Dask takes its hash, which arrays have not
@dataclass(frozen=True, eq=False)
class FitClassifier:
    """Fit on the cells of a fold, and predict the others.

    Attributes
    ----------
    x
        Representation, `(n, d)`.
    classifier
        Of scikit-learn; cloned for each fit.
    standardize
        Scale columns by mean and deviation of the cells fitted.
    n_labels
        Number of labels; some may not be among the cells fitted.
    """

    x: np.ndarray
    classifier: Any
    standardize: bool
    n_labels: int

    def __call__(self, options: Mapping[str, Any], codes: np.ndarray, fold: Fold) -> Held:
        """Fit with these options and labels, and predict the cells held out."""
        from sklearn.base import clone
        from sklearn.preprocessing import StandardScaler

        from crepr.stats._classification_scores import classification_scores

        train, test = self.x[fold.train], self.x[fold.test]
        if self.standardize:
            scaler = StandardScaler().fit(train)
            train, test = scaler.transform(train), scaler.transform(test)
        model = clone(self.classifier).set_params(**options).fit(train, codes[fold.train])
        known = model.classes_.astype(int)
        if hasattr(model, "predict_proba"):
            found, nothing = model.predict_proba(test), 0.0
        else:
            found, nothing = model.decision_function(test), float(np.finfo(np.float32).min)
            found = np.column_stack([-found, found]) if found.ndim == 1 else found
        scores = np.full((len(test), self.n_labels), nothing, dtype=np.float32)
        scores[:, known] = found
        given = model.predict(test).astype(int)
        return Held(classification_scores(codes[fold.test], given, scores), given, scores)


def seeded(classifier: Any, seed: int) -> Any:
    """Return a copy of a classifier, a balanced forest if there is none, whose chance comes from `seed` unless it has its own."""
    from sklearn.base import clone, is_classifier
    from sklearn.ensemble import RandomForestClassifier

    if classifier is None:
        return RandomForestClassifier(N_TREES, class_weight="balanced", random_state=seed)
    if isinstance(classifier, type) or not hasattr(classifier, "__sklearn_tags__") or not is_classifier(classifier):
        raise TypeError(
            f"classifier must be a classifier of scikit-learn, such as LogisticRegression(), got {classifier!r}."
        )
    if not hasattr(classifier, "predict_proba") and not hasattr(classifier, "decision_function"):
        raise TypeError(
            f"classifier has neither predict_proba nor decision_function, which AUC needs; got {classifier!r}."
        )
    model = clone(classifier)
    # also of the steps of a pipeline
    free = [name for name, value in model.get_params().items() if value is None and name.endswith("random_state")]
    return model.set_params(**dict.fromkeys(free, seed))


def grid_points(grid: Mapping[str, Any] | None, classifier: Any) -> list[dict[str, Any]]:
    """Return all combinations of options, one without any if there is no grid; raise for what the classifier has not."""
    from sklearn.model_selection import ParameterGrid

    if grid is None:
        return [{}]
    known = classifier.get_params()
    for name, values in _validate.options("param_grid", grid).items():
        _validate.has_key(list(known), name, where="the options of the classifier", hint="Name others in param_grid.")
        if isinstance(values, str) or not hasattr(values, "__len__") or not len(values):
            raise TypeError(f"param_grid[{name!r}] must be a sequence of values, got {values!r}.")
    return list(ParameterGrid({name: list(values) for name, values in grid.items()}))
