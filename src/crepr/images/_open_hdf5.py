"""Stacks of crops in HDF5, as scPortrait writes them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from crepr._reading import reading
from crepr._validate import listing
from crepr.images._stored import Stored


def open_hdf5(path: str, key: str) -> Stored:
    """Open an HDF5 dataset, such as the single-cell images of scPortrait's h5sc format :cite:p:`Maedler2025`.

    That format keeps `(cells, channels, y, x)` float16 in 0 to 1 under `obsm/single_cell_images`, and beside it the names
    of the channels, and which of them are masks (the first ones).

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is no HDF5 file, or has no such dataset.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"No such file: {path!r}.")
    with ExitStack() as on_error:
        with reading(path, "as HDF5", then="It is truncated, corrupt or no HDF5 file: write or copy it again."):
            file = on_error.enter_context(h5py.File(path, "r"))
            found = file.get(key)
            datasets: list[str] = []
            if isinstance(found, h5py.Dataset):
                axes = "ncyx" if found.ndim == 4 else None
                kinds = _texts(file, found, "channel_mapping") or ()
                masks = tuple(i for i, kind in enumerate(kinds) if kind == "mask")
                stored = Stored(found, axes, _texts(file, found, "channel_names"), close=file.close, masks=masks)
                len(found.shape), found.dtype  # of a dataset without them h5py says so only now
                on_error.pop_all()
                return stored
            file.visititems(lambda name, item: datasets.append(name) if isinstance(item, h5py.Dataset) else None)
        raise ValueError(f"{path!r} has no dataset {key!r} (there are: {listing(sorted(datasets))}).")


def _texts(file: h5py.File, dataset: h5py.Dataset, key: str) -> tuple[str, ...] | None:
    """Read what the file says about each channel, from the dataset itself or from beside it."""
    texts = dataset.attrs.get(key)
    if texts is None:
        beside = file.get(f"uns/single_cell_images/{key}")
        texts = beside[()] if isinstance(beside, h5py.Dataset) else None
    if texts is None:
        return None
    return tuple(text.decode() if isinstance(text, bytes) else str(text) for text in np.atleast_1d(texts))
