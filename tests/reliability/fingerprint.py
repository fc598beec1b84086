"""What an object holds, element by element, so that a change of any of it is seen."""

import hashlib
from collections.abc import Mapping

import numpy as np
import pandas as pd
from mudata import MuData
from scipy.sparse import issparse, sparray


def fingerprint(data):
    """Return the digest of each element by its place, such as 'obs/kind', 'obsm/X_vae' or 'mod/rna/X'."""
    found = {"obs_names": digest(data.obs_names), "var_names": digest(data.var_names), "is_view": str(data.is_view)}
    for slot in ("obs", "var"):
        table = getattr(data, slot)
        found |= {f"{slot}/{name}": digest(table.iloc[:, i]) for i, name in enumerate(table.columns)}
    slots = ["obsm", "varm", "obsp", "varp", "uns"]
    if isinstance(data, MuData):
        for name, part in data.mod.items():
            found |= {f"mod/{name}/{place}": value for place, value in fingerprint(part).items()}
        slots += ["obsmap", "varmap"]
    else:
        found["X"] = digest(data.X)
        slots.append("layers")
    for slot in slots:
        # X is a layer without a name, too
        found |= {f"{slot}/{key}": digest(value) for key, value in getattr(data, slot).items() if key is not None}
    return found


def digest(value):
    """Return a short text that another value of the same type has only if it is the same."""
    return hashlib.blake2b(b"".join(_parts(value)), digest_size=12).hexdigest()


def _parts(value):
    if issparse(value):
        yield repr((value.format, isinstance(value, sparray), value.shape)).encode()
        for name in ("data", "indices", "indptr", "row", "col"):
            yield from _parts(getattr(value, name, None))
    elif isinstance(value, np.ndarray):
        yield repr(("array", value.dtype, value.shape)).encode()
        yield (
            repr([(type(item), item) for item in value.ravel().tolist()]).encode()
            if value.dtype == object
            else value.tobytes()
        )
    elif isinstance(value, pd.DataFrame):
        yield b"table"
        yield from _parts(value.index)
        for i, name in enumerate(value.columns):
            yield repr(name).encode()
            yield from _parts(value.iloc[:, i])
    elif isinstance(value, pd.Series | pd.Index):
        yield repr((value.name, value.dtype)).encode()
        yield from _parts(value.array)
    elif isinstance(value, pd.Categorical):
        yield repr((value.ordered, value.categories.tolist())).encode()
        yield value.codes.tobytes()
    elif isinstance(value, pd.api.extensions.ExtensionArray):
        yield repr([str(item) for item in value]).encode()
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield repr(key).encode()
            yield from _parts(item)
    elif hasattr(value, "to_memory") or hasattr(value, "chunks"):
        # X of a backed object
        yield from _parts(value.to_memory() if hasattr(value, "to_memory") else value[()])
    else:
        yield repr(value).encode()


def changed(before, after):
    """Return the places that were added, changed or removed."""
    return sorted(place for place in before.keys() | after.keys() if before.get(place) != after.get(place))
