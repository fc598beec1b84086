from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from crepr import _access, _keys, _validate
from crepr._progress import tqdm
from crepr._warn import warn
from crepr.get._crop_reader import REGISTER_CROPS, crop_reader
from crepr.pp._feature_library import library

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    import pandas as pd

    from crepr._types import Data, PathLike
    from crepr.pp._feature_checkpoint import FeatureCheckpoint
    from crepr.pp._feature_groups import Block
    from crepr.pp._feature_pixels import FeaturePixels


def classical_features(
    data: Data,
    *,
    mod: str | None = None,
    features: str | Sequence[str] | None = None,
    masks: str | Sequence[str] = "cell",
    channels: Sequence[str] | None = None,
    scaled: bool = True,
    batch_size: int = 64,
    n_jobs: int = 1,
    path: PathLike | None = None,
    progress: bool = True,
    key_added: str | None = None,
    copy: bool = False,
) -> Data | None:
    """Measure cells with the features of CellProfiler: what can be said of a cell without a network?

    They are the yardstick for learned representations, and each has a name. They are those of CellProfiler
    :cite:p:`Stirling2021`, computed by cp-measure :cite:p:`Munoz2025`, in pixels and in intensities of 0..1, of what a cell's own
    pixels hold: all others are set to 0 first, so that neighbours do not take part. Select among the several hundred with
    :func:`crepr.pp.select_features` before distances are measured.

    What is measured, by the name of the group; all but `'costes'` by default:

    * of the outline: `'sizeshape'` (area, axes, moments; scikit-image), `'zernike'`, `'feret'`;
    * of each channel: `'intensity'`, `'texture'` (after Haralick, at a distance of 3 pixels in 256 steps), `'granularity'` (16 steps,
      at half resolution), `'radial_distribution'` (8 rings), `'radial_zernikes'`;
    * of each pair of channels, in their order: `'pearson'`, `'manders_fold'`, `'rwc'`, and `'costes'`, which takes half as long as all
      others together and is undefined in cells where no threshold is found.

    Rings, steps and resolution are those of :cite:p:`Moser2025`, who measured the whole crop as one object (`masks="crop"`), so that
    shape was no part of it. Left out are places in the crop, and moments that are the same for all shapes. A cell ends where its
    crop does. Quantiles of intensity are those of NumPy, as cp-measure has them by default; CellProfiler's own differ a little.

    Intensities decide what texture sees: 16-bit images of a 12-bit camera use a sixteenth of the range, and of 256 steps of grey 16
    are left. Run :func:`crepr.pp.intensity` first, with the percentiles that are to become 0 and 1; beyond them pixels are cut off.

    Parameters
    ----------
    data
        Annotated data with crops, see :func:`crepr.pp.crops`, and for the cells' own pixels :func:`crepr.pp.masks`.
    mod
        Modality of a MuData; by default the one with crops.
    features
        Group, or several, of those above.
    masks
        What is measured: `'cell'`, the pixels of the cell; `'crop'`, all pixels; or a list of both.
    channels
        Names of the channels; by default those in use. Groups of pairs need two.
    scaled
        Scale by the limits that :func:`crepr.pp.intensity` recorded, of the dataset or of each cell; the latter are of its whole
        crop, the only way in which neighbours count for `'cell'`. Without them, with `per='crop'`, or without `scaled`, 1 is the
        largest value of the image's type; floats must lie in 0..1. Crops are never scaled one by one from their minimum to their
        maximum: all would be as bright.
    batch_size
        Cells in one piece of work; changes memory and speed, not results.
    n_jobs
        Pieces at the same time, by joblib: in processes, or on a Dask cluster inside `joblib.parallel_config("dask")`. Results do
        not depend on it.
    path
        Folder to keep what is measured in, as it is made. An interrupted call goes on from there; one that was not reads all of it.
    progress
        Show a bar.
    key_added
        `'classical'` by default: name of the modality of a MuData; of an AnnData the key in `.uns` and, after `X_`, in `.obsm`.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets with a MuData the modality `'classical' | key_added`:

    `.X` : :class:`numpy.ndarray`
        float32 of shape `(n_obs, n_features)`, for the cells with crops. NaN where a feature is undefined or its measure failed.
    `.var` : :class:`pandas.DataFrame`
        By name, such as `'cell_Intensity_MeanIntensity_DAPI'` or `'cell_Correlation_Pearson_DAPI|membrane'`: `feature` (in
        CellProfiler's words), `group`, `compartment`, `channel` and `channel2` (empty where there is none), `n_failed` (cells with NaN).
    `.uns['classical' | key_added]['params']` : :class:`dict`
        The options used; `scaling` is `'dataset'`, `'cell'` or `'dtype'`.

    and with an AnnData `.obsm['X_classical' | 'X_' + key_added]`, the same table as a DataFrame, and in
    `.uns['classical' | key_added]` beside `params` what would be `.var` as `columns`.

    Raises
    ------
    FileNotFoundError
        If an image is gone; says how to name its new place.
    KeyError
        If crops, masks for `'cell'`, or recorded limits of a channel are missing.
    ModuleNotFoundError
        If cp-measure is not installed.
    OSError
        If pixels cannot be read, as those of a damaged file.
    PermissionError
        If `path` cannot be written to.
    TypeError
        If an option has the wrong type.
    ValueError
        If a group or compartment is unknown, nothing is left to measure (pairs of a single channel, the outline of whole crops), a
        channel is not in the image or named twice, pixels are not finite or floats outside 0..1 without limits, `path` holds features of other
        cells or options, or what is at `key_added` was not written by this function.

    Warns
    -----
    UserWarning
        Where features are NaN: which groups, in how many cells, and what failed in all.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> cr.pp.intensity(mdata, percentiles=(0, 100))
    >>> cr.pp.classical_features(mdata, features=["intensity", "feret", "pearson"])
    >>> mdata["classical"].shape
    (300, 34)
    >>> mdata["classical"].to_df()[["cell_Intensity_MeanIntensity_DAPI", "cell_Correlation_Pearson_DAPI|membrane"]].head()
    """
    library("cp_measure")
    from crepr.pp._feature_checkpoint import FeatureCheckpoint
    from crepr.pp._feature_groups import CELL, CROP, DEFAULT, GROUPS, blocks
    from crepr.pp._feature_identity import feature_identity
    from crepr.pp._feature_pixels import FeaturePixels
    from crepr.pp._write_features import claim_features, feature_columns, write_features

    groups = list(DEFAULT) if features is None else _names("features", features, GROUPS)
    compartments = _names("masks", masks, (CELL, CROP))
    batch_size = _validate.integer("batch_size", batch_size, minimum=1)
    _validate.jobs(n_jobs)
    data = _access.copied(data) if copy else data
    adata = _access.modality(data, mod, having=_keys.CROPS, hint=REGISTER_CROPS)
    _validate.unique_cells(adata.obs_names)
    if CELL in compartments:
        hint = "Run cr.pp.masks first, or set masks='crop' to measure all pixels of a crop as one object."
        _validate.has_key(adata.obsm, _keys.MASKS, where=".obsm", hint=hint)
    reader = crop_reader(adata, channels=channels)
    if len(set(reader.channels)) < len(reader.channels):
        raise ValueError(f"channels holds a name more than once: {_validate.listing(reader.channels)}. Name each once.")
    if features is not None:
        _check_measurable(groups, compartments, reader.channels)
    pixels = FeaturePixels(adata, reader, own=CELL in compartments, scaled=scaled)
    to_measure = blocks(groups, compartments, len(reader.channels))
    columns = feature_columns(to_measure, reader.channels)
    key = _keys.CLASSICAL if key_added is None else key_added
    claim_features(data, key, columns)
    checkpoint = None
    if path is not None:
        checkpoint = FeatureCheckpoint(path, feature_identity(adata, to_measure, reader.channels, pixels))

    values = np.full((adata.n_obs, len(columns)), np.nan, dtype=np.float32)
    errors = _measure_all(values, pixels, to_measure, checkpoint, batch_size, n_jobs, progress)
    columns["n_failed"] = np.isnan(values).sum(0)
    _warn_of_failures(values, columns, errors)
    params = {
        "features": groups,
        "masks": compartments,
        "channels": reader.channels,
        "scaling": pixels.scaling,
        "size": reader.size,
    }
    write_features(data, adata, key, values, columns, params)
    return data if copy else None


def _names(option: str, given: str | Sequence[str], known: Collection[str]) -> list[str]:
    if not isinstance(given, Iterable):
        raise TypeError(f"{option} must be a name or a list of names, got {given!r}.")
    names = _validate.names(option, given)
    if not names:
        raise ValueError(f"{option} is empty. Name at least one of {_validate.listing(known, limit=50)}.")
    for name in names:
        _validate.choice(option, name, known)
    # in one order and each once, so that the same question has the same answer
    return [name for name in known if name in names]


def _check_measurable(groups: Sequence[str], compartments: Sequence[str], channels: Sequence[str]) -> None:
    """Raise if a group that was asked for by name has nothing to measure."""
    from crepr.pp._feature_groups import CELL, GROUPS

    outlines = [name for name in groups if GROUPS[name].of == "outline"]
    if outlines and CELL not in compartments:
        raise ValueError(
            f"features={_validate.listing(outlines)} are of outlines, and with masks='crop' there are none: all crops are "
            f"squares. Run cr.pp.masks and set masks='cell', or leave them out."
        )
    pairs = [name for name in groups if GROUPS[name].of == "pair"]
    if pairs and len(channels) < 2:
        raise ValueError(
            f"features={_validate.listing(pairs)} are of pairs of channels, and there is only {channels[0]!r}. "
            f"Name two channels, or leave them out."
        )


def _measure_all(
    values: np.ndarray,
    pixels: FeaturePixels,
    blocks: Sequence[Block],
    checkpoint: FeatureCheckpoint | None,
    batch_size: int,
    n_jobs: int,
    progress: bool,
) -> dict[str, str]:
    """Fill in a row for each cell; return what failed, and how, by group."""
    from joblib import Parallel, delayed, effective_n_jobs

    from crepr.pp._feature_blocks import measure_blocks

    errors: dict[str, str] = {}
    cells = np.arange(len(values)) if checkpoint is None else checkpoint.load(values)
    cells = pixels.order(cells)
    batches = [cells[start : start + batch_size] for start in range(0, len(cells), batch_size)]
    workers = effective_n_jobs(n_jobs)
    # two pieces for each worker at a time: read here, so that no image is sent, and few wait in memory
    at_once = workers if workers == 1 else 2 * workers
    with (
        Parallel(n_jobs=n_jobs) as pool,
        tqdm(
            total=len(values), initial=len(values) - len(cells), desc="Features", unit="cell", disable=not progress
        ) as bar,
    ):
        for start in range(0, len(batches), at_once):
            part = batches[start : start + at_once]
            found = pool([delayed(measure_blocks)(blocks, *pixels.read(batch)) for batch in part])
            for batch, (rows, failed) in zip(part, found, strict=True):
                values[batch] = rows
                errors = failed | errors
                if checkpoint is not None:
                    checkpoint.save(batch, rows)
                bar.update(len(batch))
    return errors


def _warn_of_failures(values: np.ndarray, columns: pd.DataFrame, errors: dict[str, str]) -> None:
    if not columns["n_failed"].any():
        return
    told = []
    for group in columns["group"].unique():
        part = np.flatnonzero(columns["group"] == group)
        holes = np.isnan(values[:, part])
        if not holes.any():
            continue
        n_cells, lost = int(holes.any(1).sum()), columns.index[part[holes.all(0)]]
        text = f"{group!r} in {n_cells} of {len(values)} cells"
        if len(lost):
            text += f", in all of them {_validate.listing(lost, limit=3)}"
        told.append(text + (f" ({errors[group]})" if group in errors else ""))
    warn(
        f"Features that are undefined or could not be measured are NaN: {'; '.join(told)}. cr.pp.select_features removes those that "
        f"many cells lack."
    )
