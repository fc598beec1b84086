"""Layers of a multiplex graph: representations, or graphs that others have made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from crepr import _access, _keys, _validate

if TYPE_CHECKING:
    import numpy as np
    import torch
    from anndata import AnnData
    from scipy.sparse import csr_matrix

    from crepr._types import Data

#: Where a layer's representation is looked for, if none is named.
REPRESENTATIONS = (_keys.X_VAE, "X_pca")
NEIGHBORS = "neighbors"


@dataclass(frozen=True)
class Layer:
    """One layer: a representation of `adata`, or a graph of its `.obsp`."""

    name: str
    adata: AnnData
    use_rep: str | None = None
    neighbors_key: str | None = None

    def values(self) -> np.ndarray:
        """Return the representation."""
        return _access.representation(self.adata, cast("str", self.use_rep))

    def graph(self, n_neighbors: int, *, rng: int, device: str | torch.device) -> csr_matrix:
        """Return the graph that is stored, or make that of the nearest `n_neighbors`, counting the cell itself."""
        from crepr.cluster._fuzzy_graph import fuzzy_graph
        from crepr.cluster._knn import knn

        if self.neighbors_key is not None:
            key = self.adata.uns[self.neighbors_key].get("connectivities_key", "connectivities")
            _validate.has_key(
                self.adata.obsp, key, where=f".obsp of layer {self.name!r}", hint="Run sc.pp.neighbors again."
            )
            return self.adata.obsp[key]
        x = self.values()
        if n_neighbors > len(x):
            raise ValueError(f"n_neighbors must be at most the number of cells ({len(x)}), got {n_neighbors}.")
        return fuzzy_graph(*knn(x, n_neighbors - 1, rng=rng, device=device))

    def found(self) -> Mapping[str, Any]:
        """Return the best point of :func:`crepr.tl.optimize_leiden` in this representation, if it was run."""
        entries = [
            entry for key, entry in sorted(self.adata.uns.items(), key=lambda item: (item[0] != _keys.LEIDEN, item[0]))
            if isinstance(entry, Mapping) and entry.get("function") == "optimize_leiden"
        ]  # fmt: skip
        return next((entry["best"] for entry in entries if entry["params"]["use_rep"] == self.use_rep), {})


def find_layers(
    data: Data,
    mods: Sequence[str] | None,
    use_rep: str | Sequence[str] | Mapping[str, str] | None,
    neighbors_key: str | Sequence[str] | Mapping[str, str] | None = None,
    *,
    stored: bool,
) -> list[Layer]:
    """Find the layers, at least two, on the same cells.

    Parameters
    ----------
    data
        AnnData, or MuData whose modalities hold the same cells.
    mods, use_rep, neighbors_key
        As in :func:`crepr.tl.multiplex_leiden`.
    stored
        Take stored graphs where no representation is named; else the first of :data:`REPRESENTATIONS`, or `.X`.
    """
    parts = _access.modalities(data)
    if use_rep is not None and neighbors_key is not None:
        raise ValueError("Set use_rep or neighbors_key, not both: graphs are either made or taken.")
    option, given = ("neighbors_key", neighbors_key) if neighbors_key is not None else ("use_rep", use_rep)
    if not _access.is_mudata(data):
        if mods is not None:
            raise ValueError(f"mods={mods!r} needs a MuData, got an AnnData. Name representations in use_rep instead.")
        names, keys = [""] * len(_several(option, given)), _several(option, given)
    else:
        names = list(parts) if mods is None else _several("mods", mods)
        for name in names:
            _validate.has_key(parts, name, where="data.mod", hint="Set mods to some of them.")
        keys = _per_modality(option, given, names)
    if len(names) < 2:
        raise ValueError(
            f"There must be at least two layers, got {_validate.listing(names)}. For one, see cr.tl.optimize_leiden."
        )
    if _access.is_mudata(data):
        _access.same_cells(data, names)
    layers = []
    for name, key in zip(names, keys, strict=True):
        adata = parts[name]
        if option == "neighbors_key" or (key is None and stored):
            key = key or NEIGHBORS
            where = f"data.mod[{name!r}].uns" if name else ".uns"
            _validate.has_key(adata.uns, key, where=where, hint="Run sc.pp.neighbors first, or set use_rep.")
            layers.append(Layer(name or key, adata, neighbors_key=key))
        else:
            key = key or next((rep for rep in REPRESENTATIONS if rep in adata.obsm), "X")
            _access.owner_of(adata, key)
            layers.append(Layer(name or key, adata, use_rep=key))
    if len({layer.name for layer in layers}) < len(layers):
        layers = [
            Layer(f"{one.name}:{one.use_rep or one.neighbors_key}", one.adata, one.use_rep, one.neighbors_key)
            for one in layers
        ]
    repeated = [one.name for i, one in enumerate(layers) if one.name in {other.name for other in layers[:i]}]
    if repeated:
        raise ValueError(f"Layers are repeated: {_validate.listing(repeated)}. Give each once.")
    return layers


def per_layer(name: str, values: Any, layers: Sequence[Layer]) -> list[Any]:
    """Return a value for each layer: of a mapping by name, of a sequence in order, else the same for all."""
    names = [layer.name for layer in layers]
    if isinstance(values, Mapping):
        for key in values:
            _validate.has_key(names, key, where="the layers", hint=f"Give {name} for these.")
        missing = [key for key in names if key not in values]
        if missing:
            raise ValueError(f"{name} has no value for layers {_validate.listing(missing)}.")
        return [values[key] for key in names]
    if isinstance(values, str) or not hasattr(values, "__len__"):
        return [values] * len(names)
    if len(values) != len(names):
        raise ValueError(f"{name} must have one value per layer ({_validate.listing(names)}), got {len(values)}.")
    return list(values)


def _several(option: str, given: Any) -> list[Any]:
    if (
        isinstance(given, str | Mapping)
        or not isinstance(given, Sequence)
        or not all(isinstance(one, str) for one in given)
    ):
        raise TypeError(f"{option} must be a list of names, one per layer, got {given!r}.")
    return list(given)


def _per_modality(option: str, given: Any, names: list[str]) -> list[str | None]:
    if given is None or isinstance(given, str):
        return [given] * len(names)
    if isinstance(given, Mapping):
        for name in given:
            _validate.has_key(names, name, where="mods", hint=f"Give {option} for these.")
        return [given.get(name) for name in names]
    keys = _several(option, given)
    if len(keys) != len(names):
        raise ValueError(f"{option} must have one key per modality ({_validate.listing(names)}), got {len(keys)}.")
    return keys
