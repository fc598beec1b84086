from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr.get._crop_reader import same_shape
from crepr.get._image_table import LABEL, image_table, open_images, referenced_images
from crepr.get._registered import registered
from crepr.pp import _images
from crepr.pp._elements import INTRINSIC, element_affine, instance_key
from crepr.pp._images import Image, is_spatialdata, resolve_image
from crepr.pp._mask_labels import check_labels, labels_of_cells, warn_if_elsewhere
from crepr.pp._pixel_map import recorded_system
from crepr.pp._polygons import draw_labels, is_polygons
from crepr.pp._positions import affine_matrix
from crepr.pp._register import not_without, of_library, split_libraries
from crepr.pp._relocate import relocate_uris

if TYPE_CHECKING:
    from collections.abc import Mapping

    from anndata import AnnData

    from crepr._types import Data, PathLike
    from crepr.images._source import Source


def masks(
    data: Data,
    masks: Any = None,
    *,
    labels: str | None = None,
    mod: str | None = None,
    element: str | None = None,
    coordinate_system: str | None = None,
    axes: str | None = None,
    z: int | None = None,
    pixel_size: float | Mapping[str, float] | None = None,
    affine: Any = None,
    library_key: str | None = None,
    store: PathLike | None = None,
    relocate: Mapping[str, PathLike] | None = None,
    copy: bool = False,
) -> Data | None:
    """Register the outline of each cell: which pixels are its own?

    Outlines hide a cell's neighbours (`hide_neighbours`), tell which cell a molecule is in, and give the pose of a
    cell. They are a label image, an integer for each cell and 0 for none, pixel on pixel with the image of the crops;
    polygons are drawn as one. A cell gets a reference to the image and its label.

    Parameters
    ----------
    data
        Annotated data; cells are observations.
    masks
        One of

        * label image, in any form that :func:`crepr.pp.crops` takes as an image (for crops from a stack: a stack of
          label images in the same order);
        * polygons: :class:`geopandas.GeoDataFrame` whose index names the cells, shapes of a SpatialData object (circles,
          too), or a mapping from cell to shapely polygon, in the coordinates of `.obsm['spatial']`. A pixel belongs to
          the polygon that holds its centre; of several, to the smallest. Needs :func:`crepr.pp.crops` first;
        * mapping from library to one of these, with `library_key`.

        Without it, what is registered is checked and registered again, see `relocate`.
    labels
        Column of `.obs` with the label, or for polygons the name, of each cell; `'index'` for the names of the cells
        themselves. By default that of a table which says that it annotates the element of SpatialData; else polygons are
        found by the names of the cells, and labels are those under the middle of the crops.
    mod
        Modality of a MuData; by default the one with crops.
    element, coordinate_system
        Labels or shapes of the SpatialData object. Shapes find the image by themselves where the image of the crops is from
        SpatialData, too; else, or where `coordinate_system` is set, by way of this: the system that positions are in (`'global'`),
        the name of an element in whose own coordinates they are, or `'intrinsic'` for no transformation.
    axes
        Axes of a label image where the file does not tell, see :func:`crepr.pp.crops`.
    z
        Plane of a label image with depth.
    pixel_size, affine
        How polygons become pixels: micrometres per pixel, or a 3 x 3 matrix; by default as positions do, see
        :func:`crepr.pp.crops`. Of a label image, `pixel_size` is only recorded.
    library_key
        Column of `.obs` with the library of each cell, for a mapping of masks.
    store
        Folder in which arrays and drawn polygons are written as OME-Zarr, instead of `.uns`; needed above 256 MiB, where
        polygons are drawn and written piece by piece.
    relocate
        Where label images were moved: old uri, path or folder to the new one. Only without `masks`.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality:

    `.obsm['masks']` : :class:`pandas.DataFrame`
        Per cell `image` (categorical of uris) and `label`.
    `.uns['masks']` : :class:`dict`
        `images`, see :func:`crepr.pp.crops`, and `z`.
    `.uns['spatial'][LIBRARY]['images']['masks']` : :class:`numpy.ndarray`
        A label image without `store`.

    Raises
    ------
    FileNotFoundError
        If a label image is not there; says how to name its new place.
    FileExistsError, PermissionError
        If `store` holds other masks, or cannot be written to.
    KeyError
        If a column, the masks of a library, or an element is missing, or polygons come before crops.
    OSError
        If labels cannot be read, as those of a damaged file.
    TypeError
        If `masks` is of no kind above, or labels are no integers.
    ValueError
        If cells have no label or polygon (how many, which), share one, or the label image has another shape than the
        image of the crops.

    Warns
    -----
    UserWarning
        If the middle of the crops of most cells does not lie on their own labels.

    Examples
    --------
    >>> import crepr as cr, numpy as np, pandas as pd, shapely
    >>> from anndata import AnnData
    >>> adata = AnnData(obs=pd.DataFrame(index=["a", "b"]), obsm={"spatial": np.array([[3.0, 3.0], [7.0, 4.0]])})
    >>> cr.pp.crops(adata, np.ones((12, 12)), size=8, axes="yx")
    >>> cr.pp.masks(adata, {"a": shapely.box(1, 1, 5, 5), "b": shapely.box(5, 2, 9, 6)})
    >>> adata.obsm["masks"]["label"].tolist()
    [1, 2]
    >>> cr.get.crops(adata, ["a"], scaled=False, hide_neighbours=True)[0, 0, 3]
    array([1., 1., 1., 1., 1., 0., 0., 0.])
    """
    data = _access.copied(data) if copy else data
    registered = any(_keys.CROPS in adata.obsm for adata in _access.modalities(data).values())
    having = _keys.MASKS if masks is None else _keys.CROPS if registered else None
    adata = _access.modality(data, mod, having=having, hint="Give masks." if masks is None else "Set mod.")
    _validate.unique_cells(adata.obs_names)
    _validate.some_cells(adata.obs_names)
    z = None if z is None else _validate.integer("z", z, minimum=0)
    if masks is None:
        given = {"labels": labels, "element": element, "pixel_size": pixel_size, "affine": affine}
        not_without(given | {"library_key": library_key, "store": store}, "masks")
        _again(adata, relocate, axes, z)
        return data if copy else None
    if relocate is not None:
        raise ValueError("relocate points to masks that are registered already. Leave masks or relocate out.")
    crops_images = open_images(adata, _keys.CROPS) if _keys.CROPS in adata.obsm else {}
    label = np.zeros(adata.n_obs, dtype=np.int64)
    code = np.zeros(adata.n_obs, dtype=np.int32)
    images: dict[str, Image] = {}
    for library, (value, cells) in split_libraries(data, adata, masks, library_key, name="masks").items():
        opening: dict[str, Any] = {"name": "masks", "library": library, "adata": adata, "store": store}
        own_size = of_library(pixel_size, library, name="pixel_size")
        sdata = value if is_spatialdata(value) else None
        own_labels = instance_key(adata, element) if labels is None and sdata is not None else labels
        if is_polygons(value, element, library_key):
            label[cells] = cells + 1
            own_affine = of_library(affine, library, name="affine")
            source, matrix, system = _crops_image(adata, crops_images, cells, own_affine, own_size)
            shapes = value if sdata is None else sdata.shapes[element]
            drawn = draw_labels(
                shapes,
                _names(adata, own_labels)[cells],
                label[cells],
                affine=element_affine(shapes, matrix, system, coordinate_system, sdata),
                image=source,
                n_obs=adata.n_obs,
                most_bytes=_images.MOST_BYTES,
            )
            found = _label_image(resolve_image(drawn, axes="yx", pixel_size=source.pixel_size, **opening), z)
        else:
            if affine is not None:
                raise ValueError("affine maps polygons to pixels, but a label image has its own. Leave it out.")
            opening |= {"element": element, "coordinate_system": INTRINSIC, "axes": axes}
            found = _label_image(resolve_image(value, pixel_size=own_size, **opening), z)
            if crops_images:
                crops = _access.references(adata, _keys.CROPS)["image"].iloc[cells]
                uri = found.source.uri
                same_shape(crops, pd.Series(uri, index=crops.index), crops_images, {uri: found.source})
            label[cells] = labels_of_cells(adata, cells, own_labels, found.source, z)
            check_labels(adata, cells, label[cells], found.source, z)
        warn_if_elsewhere(adata, cells, label[cells], found.source, z)
        images[found.source.uri] = found
        code[cells] = list(images).index(found.source.uri)
    _write(adata, images, code, label, z)
    return data if copy else None


def _again(adata: AnnData, relocate: Mapping[str, PathLike] | None, axes: str | None, z: int | None) -> None:
    old = referenced_images(adata, _keys.MASKS)
    moved = {uri: uri for uri in old} if relocate is None else relocate_uris(old, relocate)
    sources = open_images(adata, _keys.MASKS, moved=moved, axes=axes, channels=[LABEL])
    references = _access.references(adata, _keys.MASKS)
    code = np.asarray(pd.Categorical(references["image"].astype(str), categories=pd.Index(old)).codes)
    known = registered(adata, _keys.MASKS).get("z")
    z = known if z is None else z
    images = {uri: _label_image(Image(source), z) for uri, source in sources.items()}
    if _keys.CROPS in adata.obsm:
        crops = _access.references(adata, _keys.CROPS)["image"]
        same_shape(crops, references["image"].astype(str).map(moved), open_images(adata, _keys.CROPS), sources)
    _write(adata, images, code, references["label"].to_numpy(np.int64), z)


def _label_image(image: Image, z: int | None) -> Image:
    """Check that an image holds labels, and call its channel so."""
    source = image.source
    if source.n_channels != 1 or source.dtype.kind not in "iu":
        raise TypeError(
            f"A label image has one channel of integers, but {source.uri!r} has {source.n_channels} channels of "
            f"{source.dtype}. Give the label image, not the picture."
        )
    depth = source.array.shape[1] if source.axes == "czyx" else None
    if (depth is None) != (z is None) or (depth is not None and z is not None and z >= depth):
        planes = "no depth; leave z out" if depth is None else f"{depth} planes; set z to one of them, from 0"
        raise ValueError(f"z={z}, but {source.uri!r} has {planes}.")
    return replace(image, source=replace(source, channels=(LABEL,)))


def _names(adata: AnnData, labels: str | None) -> pd.Index:
    """Return the names under which the cells find their polygons."""
    if labels is None or labels == "index":
        return adata.obs_names
    _validate.has_key(list(adata.obs.columns), labels, where=".obs", hint="Set labels to one of them, or to 'index'.")
    names = pd.Index(adata.obs[labels].astype(str))
    repeated = names[names.duplicated()].unique()
    if len(repeated):
        raise ValueError(f"labels={labels!r} names several cells alike: {_validate.listing(repeated, limit=5)}.")
    return names


def _crops_image(
    adata: AnnData, opened: Mapping[str, Source], cells: np.ndarray, affine: Any, pixel_size: Any
) -> tuple[Source, np.ndarray, tuple[str, np.ndarray] | None]:
    """Return the image that crops lie in, what takes positions to its pixels, and its coordinate system of SpatialData."""
    _validate.has_key(
        adata.obsm,
        _keys.CROPS,
        where=".obsm",
        hint="Polygons are drawn on the image of the crops: run cr.pp.crops first.",
    )
    uris = _access.references(adata, _keys.CROPS)["image"].iloc[cells].astype(str).unique()
    if len(uris) > 1:
        raise ValueError(
            f"The crops lie in {len(uris)} images ({_validate.listing(uris, limit=3)}). "
            f"Set library_key, and masks to a mapping from library to polygons."
        )
    source = opened[uris[0]]
    if source.axes == "ncyx":
        raise ValueError("Polygons cannot be drawn on ready-made crops. Give a stack of label images.")
    if affine is not None:
        return source, affine_matrix(affine), None
    if pixel_size is not None:
        scale = 1 / _validate.number("pixel_size", pixel_size, minimum=0, exclusive=True)
        return source, np.diag([scale, scale, 1.0]), None
    recorded = registered(adata, _keys.CROPS)
    table, known = recorded.get("images"), recorded.get("affine", {})
    number = str(list(table.index).index(uris[0])) if table is not None and uris[0] in table.index else ""
    if number not in known:
        raise ValueError(
            "How positions become pixels is not recorded, as joining objects drops .uns. Set pixel_size or affine."
        )
    system = recorded_system(recorded, [number])
    return source, np.asarray(known[number], dtype=float), None if system is None else (system[0], system[1][0])


def _write(
    adata: AnnData,
    images: Mapping[str, Image],
    code: np.ndarray,
    label: np.ndarray,
    z: int | None,
) -> None:
    """Check that labels are unique, keep arrays, and write the references."""
    image = pd.Categorical.from_codes(code, categories=pd.Index(list(images)))
    references = pd.DataFrame({"image": image, "label": label}, index=adata.obs_names)
    sources = {uri: item.source for uri, item in images.items()}
    repeated = references.index[references.duplicated(keep=False)]
    # in a stack each cell has a picture of its own, where its label may be anything
    if len(repeated) and all(source.axes != "ncyx" for source in sources.values()):
        raise ValueError(
            f"{len(repeated)} cells share a label with another ({_validate.listing(repeated.tolist(), limit=5)}). "
            f"Set labels to a column that holds the label of each cell, or remove the doubles."
        )
    _record.own(adata)
    kept = [item.keep(adata) for item in images.values()]
    adata.obsm[_keys.MASKS] = references
    _record.record(adata, _keys.MASKS, images=image_table(kept), z=z)
