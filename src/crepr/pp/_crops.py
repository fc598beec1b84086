from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr._warn import warn
from crepr.get._crop_reader import GIVE_AGAIN
from crepr.get._image_table import common_channels, default_channels, image_table
from crepr.get._same_pixels import check_same_pixels
from crepr.images._crop_reader import CropReader
from crepr.pp._pixel_map import warn_if_elsewhere
from crepr.pp._plan_crops import plan_new, plan_registered
from crepr.pp._register import add_modality, new_modality, split_libraries

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy as np
    from anndata import AnnData

    from crepr._types import Border, Data, PathLike
    from crepr.images._source import Source
    from crepr.pp._plan_crops import Plan


def crops(
    data: Data,
    image: Any = None,
    *,
    size: int | None = None,
    mod: str | None = None,
    element: str | None = None,
    coordinate_system: str = "global",
    axes: str | None = None,
    channel_names: Sequence[str] | None = None,
    channels: Sequence[str] | None = None,
    pixel_size: float | Mapping[str, float] | None = None,
    affine: Any = None,
    z: int | Literal["max"] | None = None,
    border: Border | None = None,
    spatial_key: str = "spatial",
    library_key: str | None = None,
    index: str | np.ndarray | None = None,
    store: PathLike | None = None,
    relocate: Mapping[str, PathLike] | None = None,
    copy: bool = False,
) -> Data | None:
    """Register the picture of each cell: where in which image does it lie?

    Pixels stay where they are; a cell gets a reference of some 20 bytes, which holds through subsetting,
    :func:`anndata.concat` and writing to h5ad, h5mu and Zarr. All is checked before anything is written.

    Called without `image`, it registers what the cells refer to already again: with another `size`, or after
    :func:`anndata.concat` has dropped `.uns`, or, with `relocate`, in the image's new place.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    image
        One of

        * path or URL of a TIFF, OME-TIFF or OME-Zarr image, or a Zarr, `.npy`, `.npz` or HDF5 (`.h5sc`) array; with a `*` in place
          of the channel's name, as in `'mosaic_*_z3.tif'`, where each channel has a file of its own;
        * NumPy, dask, Zarr or xarray array. One that is not on disk goes to `.uns['spatial']`, or to `store`;
        * :class:`spatialdata.SpatialData`, with `element`;
        * mapping from library to one of these, with `library_key`.

        Each may be a stack of ready-made crops (axes "ncyx") in place of an image.
    size
        Pixels per side of a crop. A stack's own side by default; else to be given.
    mod
        Modality of a MuData. One that does not exist is made, with all cells, no variables, and the positions of the
        modality that has them. By default the modality with crops, else the one with positions.
    element, coordinate_system
        Image of the SpatialData object, and the coordinate system that positions are in; or the name of another element,
        such as shapes, if positions are in the own coordinates of that; or `'intrinsic'` if they are pixels.
    axes
        One letter per dimension as stored: y, x, c (channel), z (depth), n (ready-made crops), t (of length one). Only
        needed where the file does not tell.
    channel_names
        Names of all channels of the image, in their order, where the file has none or others.
    channels
        Names of the channels to use, in this order. By default all, or those that all images have, without those that
        a `.h5sc` file says are masks.
    pixel_size
        Micrometres per pixel: positions are in micrometres, and divided by it. With `affine` or SpatialData it is only
        recorded. A mapping from library to number if images differ.
    affine
        3 x 3 matrix that takes positions `(x, y, 1)` to pixels `(x, y, 1)`, where pixel `i` covers `[i, i + 1)`; or a
        mapping from library to matrix. Without it and `pixel_size`, positions are in pixels; those in a SpatialData
        object follow its transformations.
    z
        Plane of an image with depth, or `'max'` for the maximum over all planes.
    border
        A window that crosses the border is shifted inside (`'shift'`, the default), filled with zeros (`'pad'`), or an
        error (`'error'`).
    spatial_key
        Positions `(x, y)` of the cells in `.obsm`, an array of shape `(n_obs, 2)`; not used for stacks.
    library_key
        Column of `.obs` with the library of each cell, for a mapping of images.
    index
        Row of the stack for each cell: column of `.obs`, or integers of shape `(n_obs,)`. By default cell `i` is row
        `i` of a stack with as many rows as there are cells.
    store
        Folder in which arrays are written as OME-Zarr (stacks as Zarr), instead of `.uns`. An equal image that is there
        is used; another is not overwritten.
    relocate
        Where images were moved: old uri, path or folder to the new one. Only without `image`.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality:

    `.obsm['crops']` : :class:`pandas.DataFrame`
        Per cell `image` (categorical of uris) with `y` and `x` (middle of the window, pixels of that image), or
        `index` (row of a stack).
    `.uns['crops']` : :class:`dict`
        `images` (a row per uri: `axes`, `stored_axes`, `channels`, `shape`, `pixel_type`, `pixel_size`, `files`), `size`, `channels`, `border`,
        `z`, `affine` (position of the image to matrix), and of images from SpatialData the `coordinate_system` in which other
        elements find them. Limits of :func:`crepr.pp.intensity` stay as long as size,
        channels, border and plane do; those of each cell also where joining objects has dropped the record of these.
    `.uns['spatial'][LIBRARY]['images']['image']` : :class:`numpy.ndarray`
        An array without `store`.

    Raises
    ------
    FileNotFoundError
        If an image is not there; says how to name its new place.
    FileExistsError, PermissionError
        If `store` holds another image of this name, or cannot be written to.
    KeyError
        If positions, an obs column, the image of a library, or an element is missing.
    TypeError
        If `image` is of no kind above, or an option has the wrong type.
    ValueError
        If there are no cells, positions are NaN or outside the image (how many, which) or in other coordinates than the shapes of
        a SpatialData object, names of cells are repeated, the image is smaller
        than `size`, lacks a channel, is damaged or has other axes, or options contradict each other.

    Warns
    -----
    UserWarning
        If some images have channels that others lack, and `channels` is not set; if `border` or `channels` were recorded,
        joining objects has dropped that, and they are not set again; or if transcripts lie in other pixels than the crops.

    Examples
    --------
    >>> import crepr as cr, numpy as np, pandas as pd
    >>> from anndata import AnnData
    >>> adata = AnnData(obs=pd.DataFrame(index=["a", "b"]), obsm={"spatial": np.array([[2.0, 3.0], [6.0, 1.0]])})
    >>> image = np.arange(2 * 50 * 60, dtype="uint16").reshape(2, 50, 60)
    >>> cr.pp.crops(adata, image, size=8, axes="cyx", channel_names=["DAPI", "membrane"], pixel_size=0.5)
    >>> adata.obsm["crops"][["y", "x"]].to_numpy().tolist()
    [[6.0, 4.0], [2.0, 12.0]]
    >>> cr.get.crops(adata, scaled=False).shape
    (2, 2, 8, 8)
    """
    data = _access.copied(data) if copy else data
    adata, new = _target(data, mod, image, spatial_key)
    _validate.some_cells(adata.obs_names)
    _validate.unique_cells(adata.obs_names)
    opening: dict[str, Any] = {"axes": axes, "channel_names": channel_names, "pixel_size": pixel_size}
    if image is None:
        unused = {"element": element, "library_key": library_key, "index": index, "store": store}
        plan = plan_registered(adata, relocate, affine, opening, unused)
    else:
        if relocate is not None:
            raise ValueError("relocate points to images that are registered already. Leave image or relocate out.")
        opening |= {"element": element, "coordinate_system": coordinate_system, "store": store}
        libraries = split_libraries(data, adata, image, library_key, name="image")
        plan = plan_new(adata, libraries, opening, affine, spatial_key, index)
    _finish(plan, adata, again=image is None, size=size, channels=channels, z=z, border=border)
    if new:
        add_modality(data, mod, adata)
    _check_molecules(data, adata)
    return data if copy else None


def _target(data: Data, mod: str | None, image: Any, spatial_key: str) -> tuple[AnnData, bool]:
    """Find the modality, and tell whether it is new."""
    if not _access.is_mudata(data):
        return _access.modality(data, mod), False
    parts = _access.modalities(data)
    if mod is not None and mod not in parts and image is not None:
        return new_modality(data, spatial_key), True
    if mod is None:
        registered = any(_keys.CROPS in adata.obsm for adata in parts.values())
        having = _keys.CROPS if registered or image is None else spatial_key
        hint = "Give an image." if image is None else "Set spatial_key to the positions of the cells, or set mod."
        return _access.modality(data, having=having, hint=hint), False
    return _access.modality(data, mod), False


def _finish(
    plan: Plan,
    adata: AnnData,
    *,
    again: bool,
    size: int | None,
    channels: Sequence[str] | None,
    z: int | Literal["max"] | None,
    border: Border | None,
) -> None:
    """Check the windows, keep arrays, and write the references."""
    sources = {uri: image.source for uri, image in plan.images.items()}
    recorded = plan.recorded
    size = _size(recorded.get("size") if size is None else size, sources, again)
    given = {"border": border, "channels": channels}
    lost = [name for name, value in given.items() if again and value is None and name not in recorded]
    names = _channels(channels, recorded.get("channels", _channels_of_limits(adata) if again else None), sources)
    border = recorded.get("border", "shift") if border is None else border
    z = recorded.get("z") if z is None else z
    z = z if z is None or z == "max" else _validate.integer("z", z, minimum=0, other=" or 'max'")
    for source in sources.values():
        if source.axes == "ncyx" and size > min(source.height, source.width) and border != "pad":
            raise ValueError(
                f"size={size} is larger than the crops of {source.uri!r}, {source.height} x {source.width} pixels. "
                f"Use a smaller size, or border='pad'."
            )
    image = pd.Categorical.from_codes(plan.code, categories=pd.Index(list(sources)))
    references = pd.DataFrame({"image": image, **plan.place}, index=adata.obs_names)
    CropReader(references, sources, size=size, channels=names, z=z, border=border)  # raises where windows do not fit
    _record.own(adata)
    kept = {uri: image.keep(adata) for uri, image in plan.images.items()}
    options = {"size": size, "channels": list(names), "border": border, "z": z}
    before = {name: recorded.get(name) for name in options}
    before["channels"] = [str(name) for name in recorded.get("channels", [])]
    entries: dict[str, Any] = {"images": image_table(kept.values()), **options}
    entries["affine"] = {str(i): plan.affine[uri] for i, uri in enumerate(kept) if uri in plan.affine}
    entries |= _system(plan, kept)
    if "intensity" in recorded and before == options:
        entries["intensity"] = recorded["intensity"]
    elif again and "intensity" not in recorded and set(names) <= set(_channels_of_limits(adata) or ()):
        entries["intensity"] = {"per": "cell"}
    elif _keys.CROPS_LIMITS in adata.obsm:
        del adata.obsm[_keys.CROPS_LIMITS]  # of other crops
    adata.obsm[_keys.CROPS] = references
    _record.record(adata, _keys.CROPS, **entries)
    if lost:
        now = " and ".join(f"{name}={options[name]!r}" for name in lost)
        limits = "scaled by .obsm['crops_limits']" if "intensity" in entries else "not scaled by cr.pp.intensity"
        warn(
            f"Joining objects has dropped what was registered: now {now}, and crops are {limits}. "
            f"If it was otherwise before, call cr.pp.crops(data, {', '.join(f'{name}=...' for name in lost)}), "
            f"and cr.pp.intensity after it."
        )


def _system(plan: Plan, uris: Iterable[str]) -> dict[str, Any]:
    """Write down the coordinate system that all images are in, if SpatialData told one."""
    affine = {str(i): plan.system[uri][1] for i, uri in enumerate(uris) if uri in plan.system}
    names = {name for name, _ in plan.system.values()}
    complete = len(names) == 1 and len(affine) == len(plan.images)
    return {"coordinate_system": {"name": names.pop(), "affine": affine}} if complete else {}


def _channels_of_limits(adata: AnnData) -> list[str] | None:
    """Return the channels of limits of each cell, which are those in use; `None` without limits for all cells."""
    if _keys.CROPS_LIMITS not in adata.obsm:
        return None
    limits = _access.references(adata, _keys.CROPS_LIMITS)
    if limits.isna().to_numpy().any():
        return None
    return [name.removesuffix(":low") for name in limits.columns if name.endswith(":low")]


def _check_molecules(data: Data, adata: AnnData) -> None:
    """Warn if transcripts that use these crops lie in other pixels."""
    if "y" not in adata.obsm[_keys.CROPS]:
        return
    for molecules in _access.modalities(data).values():
        if _keys.TRANSCRIPTS not in molecules.obsm or (molecules is not adata and _keys.CROPS in molecules.obsm):
            continue
        try:
            check_same_pixels(adata, molecules)
            warn_if_elsewhere(adata, molecules)
        except (KeyError, TypeError, ValueError) as error:
            # the crops are written, and what is said of the transcripts is no reason against them
            warn(str(error.args[0]))


def _size(size: Any, sources: Mapping[str, Source], again: bool) -> int:
    if size is not None:
        return _validate.integer("size", size, minimum=1)
    sides = {side for source in sources.values() for side in (source.height, source.width)}
    if len(sides) == 1 and all(source.axes == "ncyx" for source in sources.values()):
        return sides.pop()
    hint = f" Joining objects drops .uns: call cr.pp.crops(data, size=...) {GIVE_AGAIN}." if again else ""
    raise ValueError(f"The size of the crops is not known. Set size, in pixels per side.{hint}")


def _channels(given: Sequence[str] | None, before: Any, sources: Mapping[str, Source]) -> tuple[str, ...]:
    common = common_channels(sources.values())
    if given is not None:
        if isinstance(given, str):
            raise TypeError(f"channels must be a list of names, got the text {given!r}. Write [{given!r}].")
        names = tuple(_validate.names("channels", given))
        if not names or len(names) < len(given):
            raise ValueError(f"channels must name one or more channels, each once; got {list(given)}.")
        for source in sources.values():
            source.channel_positions(names)
        return names
    if before is not None and set(map(str, before)) <= set(common):
        return tuple(str(name) for name in before)
    if not common:
        each = {uri: json.dumps(source.channels) for uri, source in sources.items()}
        raise ValueError(f"The images have no channel in common: {each}. Set channel_names.")
    other = {name for source in sources.values() for name in source.channels} - set(common)
    if other:
        warn(
            f"Only some images have the channels {_validate.listing(sorted(other))}; they are left out. "
            f"Set channels to say which to use."
        )
    return default_channels(sources.values())
