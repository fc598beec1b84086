from __future__ import annotations

import string
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from anndata import AnnData

from crepr import _validate
from crepr.datasets._simulate_profiles import draw_effects, draw_readout

if TYPE_CHECKING:
    from crepr._types import Seed

_CONTROL = "DMSO"
_COMPARTMENTS = ("Cells", "Cytoplasm", "Nuclei")
_CHANNELS = ("AGP", "DNA", "ER", "Mito", "RNA")
_COMBINED = ("additive", "antagonistic", "synergistic")
# standard deviation of a factor between compounds of one treatment
_COMPOUND = 0.15
# micromolar: the highest dose, and that of half of the effect that could be
_HIGHEST, _HALF = 10.0, 1.0


def synthetic_profiles(
    n_mechanisms: int = 12,
    *,
    n_additive: int = 12,
    n_antagonistic: int = 6,
    n_synergistic: int = 6,
    n_compounds: int = 3,
    n_doses: int | None = None,
    n_replicates: int = 16,
    n_plates: int = 8,
    n_controls: int = 32,
    n_features: int = 150,
    n_factors: int = 6,
    noise: float = 0.3,
    plate_effect: float = 0.0,
    rng: Seed = 0,
) -> AnnData:
    r"""Make profiles of wells whose treatments add up in hidden factors, but not in the features that are seen.

    A mechanism moves two of a few factors; a treatment of two mechanisms moves them by the sum, by less, or elsewhere, too. A
    feature shows a weighted sum of factors, and saturates:

    .. math:: x_j = \tanh(w_j^T z + b_j) - \tanh(b_j) + \varepsilon_j

    So "A and B" is A + B - control where the factors are known, and only nearly so in features or their principal components. Use it to see whether a
    representation finds what adds up, as latent space arithmetic does :cite:p:`Chow2022`. Real features are less regular, and real combinations
    seldom just additive.

    Parameters
    ----------
    n_mechanisms
        Mechanisms, 2 to 26, named `A`, `B` and so on, each of a length of 1.2 to 2.2 in the factors.
    n_additive, n_antagonistic, n_synergistic
        Pairs of mechanisms, all different, whose effect on the factors is the sum of both, a quarter of it, or the sum and as much again in a direction
        of neither.
    n_compounds
        Compounds of each treatment, so that some can be held out. They differ, by a standard deviation of about 0.15 in each factor; their mean is
        the effect of the treatment.
    n_doses
        Doses of each compound, in steps of three down from 10 micromolar, with half of the effect that could be at 1. By default one, and no column.
    n_replicates
        Wells of each compound and dose, dealt to the plates in turn.
    n_plates
        Plates.
    n_controls
        Wells without an effect on each plate.
    n_features
        Features, in equal shares of three compartments and, in these, of five channels.
    n_factors
        Hidden factors, at least three. They are dealt to the channels in turn, and weigh twice as much there.
    noise
        Standard deviation between replicates of each factor, and, on top, of each feature.
    plate_effect
        Standard deviation of each feature between plates.
    rng
        Source of all random numbers; the same seed gives the same data.

    Returns
    -------
    AnnData of wells by features, plate by plate:

    `.X`
        Features, float32; 0 but for noise and plates where there is no effect.
    `.obs["treatment"]`
        `'DMSO'` for controls, a mechanism, or two joined by `'|'`.
    `.obs["kind"]`
        `'control'`, `'single'`, `'additive'`, `'antagonistic'` or `'synergistic'`.
    `.obs["compound"]`, `.obs["plate"]`
        Names, such as `'A|B_1'` and `'plate_1'`.
    `.obs["dose"]`
        Micromolar, 0 for controls, if `n_doses` is given.
    `.obsm["true_factors"]`
        Factors of the compound at its dose, without noise, `(n_obs, n_factors)`; 0 for controls.
    `.var["compartment"]`, `.var["channel"]`
        Groups of features.
    `.varm["true_weights"]`, `.var["true_offset"]`
        How features show factors: :math:`w`, each of length 1, and :math:`b` above.

    Raises
    ------
    TypeError
        If an option has the wrong type.
    ValueError
        If an option is out of range, or there are fewer pairs of mechanisms than combinations.

    Examples
    --------
    >>> adata = cr.datasets.synthetic_profiles(n_replicates=4)
    >>> adata.shape
    (688, 150)
    >>> adata.obs["kind"].value_counts().to_dict()
    {'control': 256, 'single': 144, 'additive': 144, 'antagonistic': 72, 'synergistic': 72}

    What an additive pair should look like, had it no noise:

    >>> weights, offset = adata.varm["true_weights"], adata.var["true_offset"].to_numpy()
    >>> pair = adata[adata.obs["kind"] == "additive"].obs["treatment"].iloc[0]
    >>> means = {name: adata.obsm["true_factors"][adata.obs["treatment"] == name].mean(0) for name in pair.split("|")}
    >>> profile = np.tanh(weights @ sum(means.values()) + offset) - np.tanh(offset)
    """
    n_mechanisms = _validate.integer("n_mechanisms", n_mechanisms, minimum=2)
    if n_mechanisms > len(string.ascii_uppercase):
        raise ValueError(f"n_mechanisms must be at most 26, one for each letter, got {n_mechanisms}.")
    counts = dict(zip(_COMBINED, (n_additive, n_antagonistic, n_synergistic), strict=True))
    for name, count in counts.items():
        _validate.integer(f"n_{name}", count, minimum=0)
    n_pairs = n_mechanisms * (n_mechanisms - 1) // 2
    if sum(counts.values()) > n_pairs:
        raise ValueError(
            f"{sum(counts.values())} combinations are more than the {n_pairs} pairs of n_mechanisms={n_mechanisms}. "
            "Lower n_additive, n_antagonistic or n_synergistic, or raise n_mechanisms."
        )
    n_compounds = _validate.integer("n_compounds", n_compounds, minimum=1)
    if n_doses is not None:
        n_doses = _validate.integer("n_doses", n_doses, minimum=1, other=" or None")
    n_replicates = _validate.integer("n_replicates", n_replicates, minimum=1)
    n_plates = _validate.integer("n_plates", n_plates, minimum=1)
    n_controls = _validate.integer("n_controls", n_controls, minimum=1)
    n_features = _validate.integer("n_features", n_features, minimum=1)
    n_factors = _validate.integer("n_factors", n_factors, minimum=3)
    noise = _validate.number("noise", noise, minimum=0)
    plate_effect = _validate.number("plate_effect", plate_effect, minimum=0)
    generator = _validate.generator("rng", rng)

    single, pairs, combined = draw_effects(
        n_mechanisms, (n_additive, n_antagonistic, n_synergistic), n_factors, generator
    )
    letters = string.ascii_uppercase[:n_mechanisms]
    treatments = [*letters, *(f"{letters[first]}|{letters[second]}" for first, second in pairs)]
    kinds = ["single"] * n_mechanisms + [name for name, count in counts.items() for _ in range(count)]
    var, weights = _features(n_features, n_factors, generator)

    effects = np.concatenate([single, combined])
    others = generator.normal(0, _COMPOUND, (len(effects), n_compounds, n_factors))
    others -= others.mean(1, keepdims=True)
    doses = _HIGHEST / 3.0 ** np.arange(n_doses or 1)
    # of the effect at the highest dose
    shares = doses / (doses + _HALF) * (_HIGHEST + _HALF) / _HIGHEST
    factors = (effects[:, None] + others)[:, :, None] * shares[:, None]

    # one column for each well: treatment, compound, dose; controls are treatment -1
    wells = np.indices((*factors.shape[:3], n_replicates)).reshape(4, -1)[:3]
    controls = np.repeat([[-1], [0], [0]], n_plates * n_controls, axis=1)
    plate = np.concatenate([np.arange(wells.shape[1]), np.arange(controls.shape[1])]) % n_plates
    truth = np.concatenate([factors[tuple(wells)], np.zeros((controls.shape[1], n_factors))])
    order = np.argsort(plate, kind="stable")
    treatment, compound, dose = np.concatenate([wells, controls], axis=1)[:, order]
    plate, truth = plate[order], truth[order]

    shown = truth + generator.normal(0, noise, truth.shape)
    offset = var["true_offset"].to_numpy()
    x = np.tanh(shown @ weights.T + offset) - np.tanh(offset) + generator.normal(0, noise, (len(truth), n_features))
    x += generator.normal(0, plate_effect, (n_plates, n_features))[plate]

    compounds = [f"{name}_{i + 1}" for name in treatments for i in range(n_compounds)]
    number = np.where(treatment < 0, -1, treatment * n_compounds + compound)
    obs = pd.DataFrame(
        {
            "treatment": _categorical(treatment + 1, [_CONTROL, *treatments]),
            "kind": pd.Categorical(np.array([*kinds, "control"])[treatment], ["control", "single", *_COMBINED]),
            "compound": _categorical(number + 1, [_CONTROL, *compounds]),
            "plate": _categorical(plate, _numbered("plate", n_plates)),
        },
        index=_numbered("well", len(truth)),
    )
    if n_doses is not None:
        obs["dose"] = np.where(treatment < 0, 0, doses[dose])
    adata = AnnData(x.astype(np.float32), obs=obs, var=var)
    adata.obsm["true_factors"], adata.varm["true_weights"] = truth, weights
    return adata


def _features(n_features: int, n_factors: int, rng: np.random.Generator) -> tuple[pd.DataFrame, np.ndarray]:
    """Names and groups of features, and how they show factors."""
    n_groups = len(_COMPARTMENTS) * len(_CHANNELS)
    # groups lie side by side
    group = np.arange(n_features) * n_groups // n_features
    channel = group % len(_CHANNELS)
    readout = draw_readout(channel, len(_CHANNELS), n_factors, rng)
    var = pd.DataFrame(
        {
            "compartment": _categorical(group // len(_CHANNELS), _COMPARTMENTS),
            "channel": _categorical(channel, _CHANNELS),
            "true_offset": readout[:, -1],
        }
    )
    number = var.groupby(group).cumcount() + 1
    var.index = pd.Index(
        [f"{row.compartment}_{row.channel}_{n}" for row, n in zip(var.itertuples(), number, strict=True)]
    )
    return var, readout[:, :-1]


def _numbered(name: str, n: int) -> list[str]:
    return [f"{name}_{i + 1:0{len(str(n))}d}" for i in range(n)]


def _categorical(codes: np.ndarray, categories: Any) -> pd.Categorical[Any]:
    return pd.Categorical.from_codes(codes, dtype=pd.CategoricalDtype(list(categories)))
