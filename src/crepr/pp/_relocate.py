"""Point references to images that were moved."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from crepr import _validate
from crepr.pp._images import absolute_uri

if TYPE_CHECKING:
    from collections.abc import Iterable

    from crepr._types import PathLike


def relocate_uris(uris: Iterable[str], places: Mapping[str, PathLike]) -> dict[str, str]:
    """Tell the new uri of each image.

    Parameters
    ----------
    uris
        The uris that cells refer to.
    places
        Old uri, path, or folder (or other beginning of a path, ending where a name ends), to the new one. Where
        several fit, the longest counts.

    Returns
    -------
    Old uri to new uri; those that nothing fits stay as they are.

    Raises
    ------
    ValueError
        If a place fits no image, or two images would become one.
    """
    if not isinstance(places, Mapping):
        raise TypeError(f"relocate must map old places to new ones, got {type(places).__name__}.")
    uris = list(uris)
    by_length = sorted(((str(old), str(new)) for old, new in places.items()), key=lambda pair: -len(pair[0]))
    fitting: set[str] = set()
    moved = {}
    for uri in uris:
        moved[uri] = uri
        for old, new in by_length:
            changed = _replaced(uri, old, new) or _replaced(uri, absolute_uri(old), new)
            if changed is not None:
                moved[uri] = absolute_uri(changed)
                fitting.add(old)
                break
    unused = [old for old, _ in by_length if old not in fitting]
    if unused:
        raise ValueError(
            f"relocate={_validate.listing(unused)} fits none of the images that cells refer to: "
            f"{_validate.listing(uris)}. Write the beginning of one of them."
        )
    if len(set(moved.values())) < len(moved):
        raise ValueError(f"relocate would make one image of several: {_validate.listing(moved.values())}.")
    return moved


def _replaced(uri: str, old: str, new: str) -> str | None:
    if uri == old:
        return new
    old, new = old.rstrip("/\\"), new.rstrip("/\\")
    scheme = "spatialdata:" if uri.startswith("spatialdata:") and not old.startswith("spatialdata:") else ""
    place = uri.removeprefix(scheme)
    if not place.startswith(old):
        return None
    rest = place[len(old) :]
    # a whole name must fit: "/data/a" is not the beginning of "/data/ab.tif"
    return f"{scheme}{new}{rest}" if not rest or rest[0] in "/\\#" else None
