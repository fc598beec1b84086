from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.tl._cross_validation import N_FOLDS, cross_validation
from crepr.tl._fit_classifier import FitClassifier, Held, grid_points, seeded
from crepr.tl._tabulate_classes import (
    confusion_table,
    gather,
    label_table,
    long_table,
    macro_table,
    permuted_labels,
    sweep_table,
)
from crepr.tl._write import claim_key, storable, write

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sklearn.base import ClassifierMixin

    from crepr._types import Data, Seed


def classify(
    data: Data,
    groupby: str,
    *,
    use_rep: str = "X_vae",
    mod: str | None = None,
    classifier: ClassifierMixin | None = None,
    param_grid: Mapping[str, Sequence[Any]] | None = None,
    standardize: bool = True,
    cv: int | Literal["split", "spatial", "groups"] = 5,
    groups: str | None = None,
    block_size: float | None = None,
    buffer: float | None = None,
    spatial_key: str = "spatial",
    n_perms: int = 1,
    small_groups: Literal["exclude", "error"] = "exclude",
    predictions: bool = False,
    rng: Seed = 0,
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Predict labels from a representation: which cell types does the look of a cell tell?

    By default a random forest :cite:p:`Breiman2001` of 1,000 trees with balanced weights, judged on cells that were held out, label by label:

    * *recall*: share of the cells of a label that are given it. A forest that names all cells alike has a recall of 1 for that label.
    * *balanced accuracy*: mean of recall and of the share of other cells that are not given the label; one half by chance.
    * *AUC*: chance that a cell of the label has a larger score for it than another cell; one half by chance.

    The same with permuted labels is shown beside them.

    Neighbouring cells are alike and their crops overlap: hold out blocks of tissue with `cv='spatial'`, and report both.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    groupby
        Column of `.obs` with at least two labels; `'modality:column'` for one of another modality.
    use_rep
        Key of `.obsm`, an array of shape `(n_obs, n_features)`, or `'X'` for `.X`.
    mod
        Modality of a MuData that has the representation; by default the MuData itself, or the only modality with it.
    classifier
        Any classifier of scikit-learn; a balanced random forest by default, as in :cite:t:`Moser2025`. Its `random_state` is set from
        `rng` if it has none.
    param_grid
        Options of the classifier and the values to try, all combined, such as
        `{'n_estimators': [300, 1000], 'max_depth': [None, 20]}`. All points are kept. The best is reported in full; it was chosen on the cells
        that judge it, so that its scores are somewhat too good.
    standardize
        Take z-scores of each column, by the cells that are fitted.
    cv
        How cells are held out: an integer, so many folds with equal shares of the labels; `'split'`, a fifth once; `'spatial'`, five folds of
        blocks of tissue; `'groups'`, each of the `groups` in turn.
    groups, block_size, buffer, spatial_key
        What is not divided between cells to fit and to predict, lengths in units of the positions, see :func:`crepr.tl.ridge_genes`.
    n_perms
        How often the whole is done with permuted labels, within `groups` if there are any; 0 leaves chance out.
    small_groups
        What happens to labels with fewer cells than folds, or than five where `cv` is no number: `'exclude'` leaves their cells out and
        warns, `'error'` raises.
    predictions
        Keep the label and the scores that each cell was given when held out.
    rng
        Seed or generator of folds, classifier and permutations.
    n_jobs
        Fits at the same time, by joblib; `-1` for one per core. Results do not depend on it.
    progress
        Show a bar.
    key_added
        Key in `.uns`, with `predictions` also in `.obs` and `.obsm`; `'classify'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, in what holds the representation if it also holds the labels, else in the MuData, under
    `'classify' | key_added`:

    `.uns[...]['labels']` : :class:`pandas.DataFrame`
        One row per label: `label`, `n_cells`, means over folds of `recall`, `balanced_accuracy`, `auc`, their standard deviations `recall_sd`, ...,
        and with `n_perms` `recall_chance`, ...
    `.uns[...]['macro']` : :class:`pandas.DataFrame`
        Means over labels, and the `accuracy` of all cells: `measure`, `value` (mean over folds), `sd`, with `n_perms` also `chance`.
    `.uns[...]['results']` : :class:`pandas.DataFrame`
        One row per point of the grid, fold and label: `point`, `fold`, `label`, `n_cells`, `recall`, `balanced_accuracy`, `auc`; NaN for
        labels without cells in the fold.
    `.uns[...]['sweep']` : :class:`pandas.DataFrame`
        With `param_grid`, one row per point: `point`, the options, the macro measures and their standard deviations over folds, `best`.
    `.uns[...]['confusion']` : :class:`pandas.DataFrame`
        Number of cells of each label (rows) that were given each label (columns).
    `.uns[...]['folds']` : :class:`pandas.DataFrame`
        One row per fold: `fold`, `n_train`, `n_test`.
    `.uns[...]['params']` : :class:`dict`
        The options used.
    `.obs[...]`, `.obsm[...]`
        With `predictions`, the label given, and a table of scores with a column per label ('/' as '_'); missing for cells never held out.

    Raises
    ------
    KeyError
        If a column, the representation or the positions are missing, or the classifier has no such option.
    TypeError
        If an option has the wrong type, or `classifier` is none.
    ValueError
        If there are fewer than two labels, labels are missing for some cells, the representation is not finite, there are too few blocks or groups,
        or an option has no such value.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> model = cr.tl.train_vae(mdata, inputs="stain", max_epochs=1)
    >>> cr.tl.classify(mdata, "rna:region", classifier=LogisticRegression())
    >>> cr.get.classify(mdata)[["label", "recall", "balanced_accuracy", "auc", "auc_chance"]]
    """
    from joblib import Parallel, delayed

    from crepr.stats._classification_scores import macro_scores

    _validate.integer("n_perms", n_perms, minimum=0)
    _validate.choice("small_groups", small_groups, ("exclude", "error"))
    seed = _validate.seed("rng", rng)
    _validate.jobs(n_jobs)
    model = seeded(classifier, seed)
    points = grid_points(param_grid, model)
    data = _access.copied(data) if copy else data
    key = _keys.CLASSIFY if key_added is None else key_added
    target, x, labels = _access.grouped(data, groupby, use_rep, mod=mod)
    had_predictions = _claim(target, key)
    cells, names = _large_enough(labels, groupby, cv, small_groups)
    codes = pd.Categorical(np.asarray(labels)[cells].astype(str), names).codes.astype(np.int64)
    validation = cross_validation(
        data, _access.owner_of(data, use_rep, mod=mod), cv, groups=groups, block_size=block_size, buffer=buffer,
        spatial_key=spatial_key, seed=seed, labels=codes, cells=cells,
    )  # fmt: skip
    folds = validation.folds

    fit = FitClassifier(x[cells], model, standardize, len(names))
    shuffled = permuted_labels(codes, validation.groups, n_perms, seed)

    def run(tasks: list[tuple[dict[str, Any], np.ndarray]], title: str) -> list[list[Held]]:
        """Fit with options, and labels, in all folds."""
        bar = tqdm([(*task, fold) for task in tasks for fold in folds], desc=title, disable=not progress or not tasks)
        found = Parallel(n_jobs=n_jobs, prefer="threads")(delayed(fit)(*task) for task in bar)
        return [found[start : start + len(folds)] for start in range(0, len(found), len(folds))]

    found = run([(point, codes) for point in points], "fits")
    macro = [macro_scores([held.table for held in part]) for part in found]
    best = int(np.argmax([table["balanced_accuracy"].mean() for table in macro]))
    chance = run([(points[best], truth) for truth in shuffled], "chance")

    given, scores = gather(found[best], folds, len(cells), len(names))
    entries: dict[str, Any] = {
        "labels": label_table(found[best], chance, names, codes),
        "macro": macro_table(macro[best], chance),
        "results": long_table(found, names),
        "confusion": storable(confusion_table(codes, given, names)),
        "folds": validation.table(),
    }
    if param_grid is not None:
        entries["sweep"] = sweep_table(points, macro, best)
    params = {
        "groupby": groupby, "use_rep": use_rep, "classifier": str(model), "standardize": standardize, **validation.params,
        "n_perms": n_perms, "small_groups": small_groups, "predictions": predictions, "seed": seed,
    }  # fmt: skip
    obs, obsm = None, None
    if predictions:
        obs, obsm = _of_all(target, cells, names, given, scores)
    if had_predictions:
        _record.own(target)
        tables: tuple[Any, ...] = (target.obs, target.obsm)
        for table in tables:
            if key in table:
                del table[key]
    write(target, "classify", key, obs=obs, obsm=obsm, params=params, **entries)
    return data if copy else None


def _large_enough(labels: pd.Categorical, groupby: str, cv: Any, small_groups: str) -> tuple[np.ndarray, list[str]]:
    """Return the positions of cells whose label has one for each fold, and these labels."""
    least = cv if isinstance(cv, int | np.integer) else N_FOLDS
    sizes = pd.Series(labels).value_counts(sort=False)
    small = [f"{name} ({size})" for name, size in sizes.items() if size < least]
    if small and small_groups == "error":
        raise ValueError(
            f"{len(small)} labels of {groupby!r} have fewer cells than the {least} needed: {_validate.listing(small)}. "
            "Merge or remove them, set fewer folds, or set small_groups='exclude'."
        )
    kept = sizes.index[sizes >= least]
    if len(kept) < 2:
        raise ValueError(
            f"groupby={groupby!r} must have at least two labels of at least {least} cells, got {len(kept)} "
            f"({_validate.listing(kept)}). Choose another column, or fewer folds."
        )
    if small:
        warn(f"Labels of {groupby!r} with fewer cells than the {least} needed are left out: {', '.join(small)}.")
    return np.flatnonzero(labels.isin(kept)), [str(name) for name in kept]


def _claim(target: Data, key: str) -> bool:
    """Raise if something else has the key; return whether an earlier run kept predictions, which are not those of this one."""
    claim_key(target, "classify", key)
    entry = target.uns.get(key)
    predictions = entry is not None and bool(entry["params"]["predictions"])
    for where, there in ((".obs has a column", key in target.obs), (".obsm has an entry", key in target.obsm)):
        _record.claim(entry if predictions else None, "tl.classify", f"{where} {key!r}", there=there)
    return predictions


def _of_all(
    target: Data, cells: np.ndarray, names: list[str], given: np.ndarray, scores: np.ndarray
) -> tuple[pd.Categorical, pd.DataFrame]:
    """Return labels and scores of all cells, missing for those that were left out or never held out."""
    codes = np.full(target.n_obs, -1)
    codes[cells] = given
    table = pd.DataFrame(np.float32(np.nan), target.obs_names, names)
    table.iloc[cells] = scores
    categories: Any = pd.Index(names)
    return pd.Categorical.from_codes(codes, categories), table
