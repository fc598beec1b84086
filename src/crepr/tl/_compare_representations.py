from __future__ import annotations

from collections.abc import Mapping
from inspect import signature
from typing import TYPE_CHECKING, Any

import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr._progress import tqdm
from crepr.tl import _comparisons
from crepr.tl._classify import classify
from crepr.tl._optimize_leiden import optimize_leiden
from crepr.tl._permanova import permanova
from crepr.tl._ridge_genes import ridge_genes
from crepr.tl._write import claim_key, write

if TYPE_CHECKING:
    from collections.abc import Sequence

    import torch
    from anndata import AnnData

    from crepr._types import Data, Seed

#: The function whose options each analysis takes.
FUNCTIONS: dict[str, Any] = {
    "cluster_metrics": optimize_leiden,
    "permanova": permanova,
    "classify": classify,
    "ridge_genes": ridge_genes,
}
# options that are the same for all
SHARED = ("use_rep", "mod", "groupby", "response", "rng", "device", "n_jobs", "progress", "key_added", "copy")
COLUMNS = ("representation", "analysis", "measure", "label", "gene", "value", "sd", "chance")


def compare_representations(
    data: Data,
    representations: Sequence[str] | Mapping[str, str],
    groupby: str,
    *,
    analyses: Sequence[str] = ("cluster_metrics", "permanova", "classify", "ridge_genes"),
    response: str | AnnData | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
    rng: Seed = 0,
    device: str | torch.device = "auto",
    n_jobs: int = 1,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Ask several representations the same questions: which of them holds more of identity and of expression?

    Each analysis is a function of its own, called as it is, with the same seed for all representations, so that they are judged on the same cells:

    * `'cluster_metrics'`: clusters by :func:`crepr.tl.optimize_leiden`, compared with the labels by :func:`crepr.tl.cluster_metrics`;
    * `'permanova'`: pairs of labels that differ in place and in spread, by :func:`crepr.tl.permanova`;
    * `'classify'`: how well labels are predicted, by :func:`crepr.tl.classify`;
    * `'ridge_genes'`: how well genes are predicted, by :func:`crepr.tl.ridge_genes`.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    representations
        Keys of `.obsm`, `'X'` for `.X`, `'modality:key'` for those of a modality; a mapping gives them names to show.
    groupby
        Column of `.obs` with labels, such as cell types; `'modality:column'` for one of another modality.
    analyses
        Which to run, in this order.
    response
        Genes to predict, see :func:`crepr.tl.ridge_genes`.
    options
        Further options of an analysis by its name, such as `{'classify': {'cv': 'spatial'}, 'ridge_genes': {'cv': 'spatial'}}`; those of
        `'cluster_metrics'` are options of :func:`crepr.tl.optimize_leiden`.
    rng
        Seed or generator of all.
    device
        `'cpu'`, `'cuda'`, ...; `'auto'` takes the GPU where there is one.
    n_jobs
        Fits or tests at the same time.
    progress
        Show a bar.
    key_added
        Key in `.uns`; `'compare_representations'` by default.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets `.uns['compare_representations' | key_added]` of `data`:

    `['results']` : :class:`pandas.DataFrame`
        One row per number: `representation`, `analysis`, `measure`, `label` or `gene` that it is about (empty for the whole), `value`, `sd`
        (over folds), `chance` (of permutations); NaN where there is none. `genes_told` counts genes with an R2 of at least 0.1.
    `['params']` : :class:`dict`
        The options used.

    and what each analysis writes, under `'ANALYSIS_NAME'`, such as `'classify_X_vae'`, and the clusters in `.obs['cluster_metrics_X_vae_leiden']`.

    Raises
    ------
    KeyError
        If a representation or a column is missing, or there is no such analysis or option.
    TypeError
        If an option has the wrong type.
    ValueError
        If an analysis refuses its input; results of those before it stay.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> rna = cr.datasets.synthetic_tissue(n_obs=300)["rna"]
    >>> sc.pp.log1p(rna)
    >>> sc.pp.pca(rna, n_comps=5)
    >>> cr.tl.compare_representations(
    ...     rna, ["X_pca", "spatial"], "region", analyses=["permanova", "classify"],
    ...     options={"permanova": {"n_perms": 99}, "classify": {"classifier": LogisticRegression()}},
    ... )
    >>> cr.get.compare_representations(rna).query("label == '' and gene == ''")
    """
    _validate.jobs(n_jobs)
    seed, key = _validate.seed("rng", rng), _keys.COMPARE_REPRESENTATIONS if key_added is None else key_added
    chosen = _analyses(analyses, {} if options is None else options)
    data = _access.copied(data) if copy else data
    places = {name: _place(data, value) for name, value in _named(representations).items()}
    for where in places.values():
        _access.representation(data, **where)
    claim_key(data, "compare_representations", key)

    shared = {"rng": seed, "device": device, "n_jobs": n_jobs, "progress": False, "response": response}
    tasks = [(name, where, analysis) for name, where in places.items() for analysis in chosen]
    parts = []
    with _record.all_or_nothing(data, _access.modalities(data).values() if _access.is_mudata(data) else ()):
        for name, where, analysis in (bar := tqdm(tasks, disable=not progress)):
            bar.set_description(f"{name}, {analysis}")
            known = signature(FUNCTIONS[analysis]).parameters
            own = {option: value for option, value in shared.items() if option in known} | chosen[analysis]
            table = _comparisons.ANALYSES[analysis](data, groupby, where, f"{analysis}_{name}", own)
            parts.append(table.assign(representation=name, analysis=analysis))
    results = pd.concat(parts, ignore_index=True).reindex(columns=list(COLUMNS))
    names = ["label", "gene"]
    results[names] = results[names].astype(object).fillna("").astype(str)
    params = {
        "representations": _named(representations), "groupby": groupby, "analyses": list(chosen), "seed": seed,
        "options": {analysis: {name: str(value) for name, value in own.items()} for analysis, own in chosen.items()},
    }  # fmt: skip
    write(data, "compare_representations", key, params=params, results=results)
    return data if copy else None


def _named(representations: Any) -> dict[str, str]:
    """Return representations by name; those without take their key."""
    if isinstance(representations, Mapping):
        named = dict(representations)
    else:
        _validate.names("representations", representations)
        keys = [representations] if isinstance(representations, str) else list(representations or ())
        named = {key.replace(":", "_"): key for key in keys}
        if len(named) < len(keys):
            raise ValueError(f"representations holds some more than once: {_validate.listing(keys)}.")
    if not named or not all(isinstance(value, str) for value in named.values()):
        raise TypeError(f"representations must be keys of .obsm, at least one, got {representations!r}.")
    for name in named:
        _validate.key("representations", name)
    return named


def _place(data: Data, representation: str) -> dict[str, Any]:
    """Return `use_rep` and `mod` of `'key'` or `'modality:key'`."""
    mod, _, key = representation.rpartition(":")
    if mod and mod in _access.modalities(data):
        return {"use_rep": key, "mod": mod}
    return {"use_rep": representation, "mod": None}


def _analyses(analyses: Sequence[str], options: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return the analyses with their further options, checked."""
    names = _validate.names("analyses", analyses)
    if not names:
        raise ValueError("analyses must name at least one.")
    for name in names:
        _validate.choice("analyses", name, FUNCTIONS)
    for name, own in options.items():
        _validate.has_key(names, name, where="analyses", hint="Take it out of options, or put it into analyses.")
        known = [option for option in signature(FUNCTIONS[name]).parameters if option not in ("data", *SHARED)]
        for option in own:
            _validate.has_key(
                known, option, where=f"the options of {name}", hint="Take it out of options, or set it for all."
            )
    return {name: dict(options.get(name, {})) for name in names}
