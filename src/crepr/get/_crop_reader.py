"""From registered references to readers of pixels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from crepr import _access, _keys, _validate
from crepr.get._image_table import LABEL, default_channels, open_images
from crepr.get._registered import registered
from crepr.images._crop_reader import CropReader

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from crepr.images._source import Source

REGISTER_CROPS = "Run cr.pp.crops first."
REGISTER_MASKS = "Run cr.pp.masks first."
GIVE_AGAIN = (
    "with what else was set then (channels, border, z, pixel_size or affine, channel_names and axes), "
    "and cr.pp.intensity after it"
)


def crop_reader(adata: AnnData, *, channels: Sequence[str] | None = None, size: int | None = None) -> CropReader:
    """Make a reader of the crops that :func:`crepr.pp.crops` registered; opens the images, reads no pixels.

    Parameters
    ----------
    adata
        Annotated data with references in `.obsm['crops']`.
    channels
        Names of channels; those in use if not given.
    size
        Pixels per side; as registered if not given.

    Returns
    -------
    The reader, whose cells are those of `adata`.

    Raises
    ------
    KeyError
        If no crops are registered, or an array in `.uns` is gone.
    FileNotFoundError
        If an image is gone.
    ValueError
        If the size is not known, or an image lacks a channel, is damaged or was replaced.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> reader = crop_reader(mdata["stain"])
    >>> reader.read(np.array([5, 7])).shape
    (2, 2, 48, 48)
    """
    _validate.has_key(adata.obsm, _keys.CROPS, where=".obsm", hint=REGISTER_CROPS)
    return _reader(adata, open_images(adata, _keys.CROPS), channels=channels, size=size)


def mask_reader(adata: AnnData, *, size: int | None = None) -> CropReader:
    """Make a reader of label windows that lie exactly on the crops of the same size.

    Parameters
    ----------
    adata
        Annotated data with references in `.obsm['crops']` and `.obsm['masks']`.
    size
        Pixels per side; that of the crops if not given.

    Returns
    -------
    The reader; it reads integers of shape `(n, 1, size, size)`, 0 where there is no cell. The label of each cell is
    in `.obsm['masks']['label']`.

    Raises
    ------
    KeyError
        If crops or masks are not registered.
    FileNotFoundError
        If an image is gone.
    ValueError
        If the label image of a cell and its image are of different shape.

    Examples
    --------
    >>> mdata = cr.datasets.synthetic_tissue(n_obs=300)
    >>> mask_reader(mdata["stain"]).read(np.array([5, 7])).shape
    (2, 1, 48, 48)
    """
    _validate.has_key(adata.obsm, _keys.CROPS, where=".obsm", hint=REGISTER_CROPS)
    _validate.has_key(adata.obsm, _keys.MASKS, where=".obsm", hint=REGISTER_MASKS)
    images = open_images(adata, _keys.CROPS)
    labels = open_images(adata, _keys.MASKS, channels=[LABEL])
    references = _access.references(adata, _keys.MASKS)[["image"]].copy()
    crops = _access.references(adata, _keys.CROPS)
    same_shape(crops["image"], references["image"], images, labels)
    windows = _reader(adata, images, channels=None, size=size)
    if "index" in crops:
        references["index"] = crops["index"]
    else:
        # from the corners of the crops: whatever the border did to them, both are cut at the same place
        references["y"] = windows.top + windows.size // 2 + 0.5
        references["x"] = windows.left + windows.size // 2 + 0.5
    z = _plane(registered(adata, _keys.MASKS).get("z"))
    return CropReader(references, labels, size=windows.size, channels=[LABEL], z=z, border="pad")


def same_shape(
    images: pd.Series, labels: pd.Series, opened: Mapping[str, Source], opened_labels: Mapping[str, Source]
) -> None:
    """Raise unless each cell's label image has the shape of the image that its crop lies in.

    Parameters
    ----------
    images, labels
        Uri of both for each cell.
    opened, opened_labels
        By uri.
    """
    pairs = pd.DataFrame({"image": images.astype(str), "label": labels.astype(str)}).drop_duplicates()
    for image, label in pairs.itertuples(index=False):
        ours, theirs = opened[image].array.shape, opened_labels[label].array.shape
        stacks = [source.axes == "ncyx" for source in (opened[image], opened_labels[label])]
        if ours[-2:] != theirs[-2:] or (any(stacks) and not (all(stacks) and ours[0] == theirs[0])):
            raise ValueError(
                f"The label image {label!r} has the shape {theirs} ({opened_labels[label].axes}), but the crops lie in "
                f"{image!r} of shape {ours} ({opened[image].axes}). Both must be of one height and width, pixel on pixel."
            )


def _reader(
    adata: AnnData, images: Mapping[str, Source], *, channels: Sequence[str] | None, size: int | None
) -> CropReader:
    recorded = registered(adata, _keys.CROPS)
    if size is None and "size" not in recorded:
        raise ValueError(
            "The size of the crops is not known, as joining objects drops .uns. "
            f"Call cr.pp.crops(data, size=...) without an image to record it again, {GIVE_AGAIN}."
        )
    if channels is None:
        known = recorded.get("channels")
        channels = default_channels(images.values()) if known is None else [str(name) for name in known]
    return CropReader(
        _access.references(adata, _keys.CROPS),
        images,
        size=int(recorded["size"]) if size is None else size,
        channels=channels,
        z=_plane(recorded.get("z")),
        border=recorded.get("border", "shift"),
    )


def _plane(z: Any) -> int | Literal["max"] | None:
    """Return the plane as recorded: reading from a file makes a NumPy number of it."""
    return z if z is None or z == "max" else int(z)
