"""Stacks of crops in HDF5, as scPortrait writes them."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

from crepr._validate import listing
from crepr.images._stored import Stored


def open_hdf5(path: str, key: str) -> Stored:
    """Open an HDF5 dataset, such as the single-cell images of scPortrait's h5sc format :cite:p:`Maedler2025`.

    That format keeps `(cells, channels, y, x)` float16 in 0 to 1 under `obsm/single_cell_images`, and the names of the
    channels (masks first) beside it.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no HDF5 file, or has no such dataset.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"No such file: {path!r}.")
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        raise ValueError(
            f"{path!r} cannot be read as HDF5: {error}. It is truncated, corrupt or no HDF5 file."
        ) from error
    found = file.get(key)
    if not isinstance(found, h5py.Dataset):
        datasets: list[str] = []
        file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
        file.close()
        raise ValueError(f"{path!r} has no dataset {key!r} (there are: {listing(sorted(datasets))}).")
    axes = "ncyx" if found.ndim == 4 else None
    return Stored(found, axes, _names(file, found), close=file.close)


def _names(file: h5py.File, dataset: h5py.Dataset) -> tuple[str, ...] | None:
    names = dataset.attrs.get("channel_names")
    if names is None:
        beside = file.get("uns/single_cell_images/channel_names")
        names = beside[()] if isinstance(beside, h5py.Dataset) else None
    if names is None:
        return None
    return tuple(name.decode() if isinstance(name, bytes) else str(name) for name in np.atleast_1d(names))
