from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from crepr import _access, _keys
from crepr.get._registered import registered
from crepr.train._corrected_view import CorrectedView
from crepr.train._crop_input import CropInput
from crepr.train._paired_view import PairedView

if TYPE_CHECKING:
    from crepr.tl._view import Owners
    from crepr.train._view import View

#: Columns of references that name a file.
FILES = ("image", "table")


def fingerprint(owners: Owners, view: View, *, profiles: str | None = None) -> str:
    """Return a hash of the cells and what they show, so that a run is resumed on the same data only.

    Files go by name, not by folder: data that were moved are the same data. `profiles` is the hash of a matrix.
    """
    digest = hashlib.sha256()
    if profiles is not None:
        digest.update(profiles.encode())
    tables = [(adata, _keys.TRANSCRIPTS) for name, adata in owners.adatas.items() if name == "transcripts"]
    if owners.windows is not None:
        tables.append((owners.windows, _keys.CROPS))
        recorded = registered(owners.windows, _keys.CROPS)
        digest.update(repr([str(recorded.get(name)) for name in ("z", "border")]).encode())
    stain = view.inputs.get("stain")
    if isinstance(stain, CropInput):
        for limit in stain.limits or ():
            digest.update(np.ascontiguousarray(limit).tobytes())
        if stain.masks is not None:
            tables.append((owners.adatas["stain"], _keys.MASKS))
    arrays = [] if view.condition is None else [view.condition]
    if isinstance(view, CorrectedView):
        arrays += [view.centre, *view.own.values()]
    if isinstance(view, PairedView):
        arrays += [view.images]
    for array in arrays:
        digest.update(np.ascontiguousarray(array).tobytes())
    for adata, key in tables:
        references = _access.references(adata, key)
        files = [name for name in FILES if name in references]
        for name in files:
            # numbered as they come, since files of one name may lie in several folders
            codes, uris = pd.factorize(references[name].astype(str))
            digest.update(codes.tobytes() + repr([_without_folder(uri) for uri in uris]).encode())
        digest.update(pd.util.hash_pandas_object(references.drop(columns=files), index=True).to_numpy().tobytes())
    return digest.hexdigest()


def _without_folder(uri: str) -> str:
    if uri.startswith("uns:"):
        return uri
    place, hash_, part = uri.partition("#")
    return re.split(r"[/\\]", place.rstrip("/\\"))[-1] + hash_ + part
