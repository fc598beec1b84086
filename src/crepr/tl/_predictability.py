from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _validate
from crepr._warn import warn
from crepr.get._recorded import entry_of, owner_of_record, recorded, split_key
from crepr.stats._member_spearman import member_spearman
from crepr.tl._corrections import CORRECTIONS, corrected
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Mapping

    from crepr._types import Data, Seed

#: Score -> whether a larger one is better.
SCORES = {"r2": True, "pearson": True, "cosine": True, "l2": False, "zscore": False}
#: Property -> the column of groups that it is made of, and what is taken of single terms, or the combination's own.
PROPERTIES: dict[str, tuple[str, Literal["mean", "min", "own"]]] = {
    "mean_reproducibility": ("reproducibility", "mean"),
    "least_reproducibility": ("reproducibility", "min"),
    "least_distinctness": ("distinctness", "min"),
    "own_reproducibility": ("reproducibility", "own"),
    "effect": ("effect", "own"),
}
#: Combinations that a rank correlation should have.
FEW = 8


def predictability(
    data: Data,
    *,
    arithmetic_key: str | None = None,
    reproducibility_key: str | None = None,
    space: str = "latent",
    score: Literal["r2", "pearson", "cosine", "l2", "zscore"] = "r2",
    n_perms: int = 9999,
    correction: str | None = "fdr_bh",
    mod: str | None = None,
    rng: Seed = 0,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Ask what makes a combination predictable: terms that the model reconstructs, or that stand out, or the size of the effect?

    Joins what :func:`latent_arithmetic` found of combinations with what :func:`reproducibility` found of groups, and correlates the ranks of each
    property of the combinations with those of their score, as :cite:t:`Chow2022` do for the reproducibility of terms. With `score='l2'` or `'zscore'` a smaller
    score is a better prediction: there a property goes with better ones where its correlation is negative. Signs are those of the numbers.

    Combinations that share a term are not independent. So for properties of terms it is their values that are permuted, from term to term; for those of
    combinations, from combination to combination, whose p is too small if scores of combinations that share a term are alike.

    Properties go together, and a correlation tells no cause. R2 is relative to the effect, and L2 grows with it: both are bound to go with `effect` to
    some degree. Few rows make all of them worse.

    Parameters
    ----------
    data
        Annotated data that both were written to.
    arithmetic_key, reproducibility_key
        Keys in `.uns`, or `'modality:key'`; `'latent_arithmetic'` and `'reproducibility'` by default.
    space
        Whose predictions: `'latent'`, `'pca'`, `'input'`, `'strongest single'`, `'mean of singles'` or `'control'`.
    score
        `'r2'`, `'pearson'`, `'cosine'`, `'l2'`, or `'zscore'`, that of L2 against permuted labels.
    n_perms
        Number of permutations; p cannot be smaller than `1 / (n_perms + 1)`.
    correction
        How p-values are corrected for the number of properties, a method of :func:`statsmodels.stats.multitest.multipletests`; `None` leaves them.
    mod
        Modality of a MuData with the keys; by default the MuData itself, or the only modality with each.
    rng
        Seed or generator of permutations.
    key_added
        Key in `.uns`; `'predictability'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets, where the table of combinations is, `.uns['predictability' | key_added]`:

    `['results']` : :class:`pandas.DataFrame`
        One row per property: `property`, `n` (combinations that have it), `n_permuted` (terms, or combinations, whose values are permuted), `spearman`, `pval`
        (two-sided) and `pval_adj`; NaN with fewer than three combinations, or where all are alike.
    `['combinations']` : :class:`pandas.DataFrame`
        One row per combination with a score: `combination`; `value` of the score; `mean_reproducibility` and `least_reproducibility` of its single terms, those
        that are added, without control; `least_distinctness` of these; `own_reproducibility`; and `effect`, L2 from control to the truth. Of combinations that
        were matched by level, `value` and `effect` are medians over levels.
    `['params']` : :class:`dict`
        The options used, and `larger_is_better`, whether that is so of the score.

    Raises
    ------
    KeyError
        If nothing is recorded under a key.
    TypeError
        If an option has the wrong type.
    ValueError
        If the two results are of other groups or have another control, fewer than three combinations have the score, several modalities have a key, or
        an option has no such value.

    Warns
    -----
    UserWarning
        If there are under eight combinations, or groups of some were not measured by :func:`reproducibility`.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> model = cr.tl.train_vae(adata, inputs="X", max_epochs=5)
    >>> options = {"groupby": "treatment", "control": "DMSO"}
    >>> cr.tl.latent_arithmetic(adata, model, n_boot=0, **options)
    >>> cr.tl.reproducibility(adata, model, **options)
    >>> cr.tl.predictability(adata)
    >>> cr.get.predictability(adata)
    """
    _validate.choice("score", score, SCORES)
    _validate.integer("n_perms", n_perms, minimum=1)
    _validate.choice("correction", correction, (None, *CORRECTIONS))
    seed = _validate.seed("rng", rng)
    _access.is_mudata(data)
    data = _access.copied(data) if copy else data
    of_combinations = _keys.LATENT_ARITHMETIC if arithmetic_key is None else arithmetic_key
    of_groups = _keys.REPRODUCIBILITY if reproducibility_key is None else reproducibility_key
    where, of_combinations = split_key(data, of_combinations, mod)
    owner = owner_of_record(
        data, of_combinations, mod=where, hint="Run cr.tl.latent_arithmetic first, or set arithmetic_key."
    )
    arithmetic = entry_of(owner, of_combinations, hint="Run cr.tl.latent_arithmetic again.")
    groups = recorded(data, of_groups, mod=mod, hint="Run cr.tl.reproducibility first, or set reproducibility_key.")
    key = _keys.PREDICTABILITY if key_added is None else key_added
    claim_key(owner, "predictability", key)
    _validate.has_key(
        arithmetic, "terms", where=f".uns[{of_combinations!r}]", hint="Run cr.tl.latent_arithmetic again."
    )
    for option in ("groupby", "control"):
        first, second = (str(entry["params"][option]) for entry in (arithmetic, groups))
        if first != second:
            raise ValueError(
                f"{of_combinations!r} has {option}={first!r}, and {of_groups!r} has {second!r}. Run cr.tl.reproducibility with {option}={first!r}."
            )

    table = _scored(arithmetic, space, score)
    known = groups["results"].set_index("group")
    known.index = known.index.astype(str)
    members = _members(arithmetic["terms"], table.index, known.index)
    rows = []
    for name, (column, func) in PROPERTIES.items():
        if func == "own":
            if name != "effect":
                table[name] = known[column].reindex(table.index)
            there = table[name].notna().to_numpy()
            values, sets = table.loc[there, name].to_numpy(), [np.array([i]) for i in range(there.sum())]
        else:
            of_terms = known[column].to_numpy()
            table[name] = [getattr(of_terms[each], func)() if len(each) else np.nan for each in members]
            there = table[name].notna().to_numpy()
            kept = [each for each, has in zip(members, there, strict=True) if has]
            used = np.unique(np.concatenate([np.empty(0, int), *kept]))
            values, sets = of_terms[used], [np.searchsorted(used, each) for each in kept]
        found = (np.nan, np.nan)
        if len(sets) >= 3:
            found = member_spearman(
                table.loc[there, "value"].to_numpy(), values, sets, func="min" if func == "min" else "mean", n_perms=n_perms,
                rng=np.random.default_rng(seed),
            )  # fmt: skip
        rows.append((name, len(sets), len(values), *found))
    results = pd.DataFrame(rows, columns=["property", "n", "n_permuted", "spearman", "pval"])
    results["pval_adj"] = corrected(results["pval"].to_numpy(), correction)
    params = {
        "arithmetic_key": of_combinations, "reproducibility_key": of_groups, "space": space, "score": score,
        "larger_is_better": SCORES[score], "n_perms": n_perms, "correction": correction, "seed": seed,
    }  # fmt: skip
    table = table[["value", *PROPERTIES]].rename_axis("combination").reset_index()
    write(owner, "predictability", key, params=params, results=results, combinations=table)
    return data if copy else None


def _scored(arithmetic: Mapping[str, Any], space: str, score: str) -> pd.DataFrame:
    """Return score and effect of each combination that has both, medians over its levels."""
    results, combinations = arithmetic["results"], arithmetic["combinations"]
    _validate.choice("space", space, results["space"].unique().tolist())
    column, shown = ("zscore", "l2") if score == "zscore" else ("value", score)
    rows = results[(results["space"] == space) & (results["score"] == shown)]
    by_name = (each.groupby(each["combination"].astype(str), sort=False) for each in (rows, combinations))
    value, effect = (each[name].median() for each, name in zip(by_name, (column, "effect"), strict=True))
    table = pd.DataFrame({"value": value, "effect": effect.reindex(value.index)}).dropna(subset="value")
    if len(table) < 3:
        raise ValueError(
            f"{len(table)} combinations have score={score!r} in space={space!r}, and ranks of fewer than three say nothing. Choose another score or "
            "space, or predict more combinations."
        )
    if len(table) < FEW:
        warn(f"There are {len(table)} combinations: rank correlations of under {FEW} say little.")
    return table


def _members(terms: pd.DataFrame, names: pd.Index, known: pd.Index) -> list[np.ndarray]:
    """Return the positions in `known` of the single terms of each combination; none where one is not known."""
    singles = terms[(terms["kind"] == "group") & (terms["coefficient"] > 0)]
    by_name = singles["term"].astype(str).groupby(singles["combination"].astype(str)).agg(list)
    found = [known.get_indexer(pd.Index(by_name.get(name, []), dtype=object)) for name in names]
    absent = {term for name in names for term in (*by_name.get(name, []), name)} - set(known)
    if absent:
        warn(
            f"{len(absent)} groups were not measured by cr.tl.reproducibility, and combinations have no property of theirs: "
            f"{_validate.listing(sorted(absent), limit=5)}."
        )
    return [each if (each >= 0).all() else np.empty(0, int) for each in found]
