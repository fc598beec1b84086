"""Faults of data and of arguments, drawn by hypothesis."""

import inspect
import warnings
from contextlib import suppress

import numpy as np
import pandas as pd
from anndata import AnnData
from hypothesis import strategies as st
from mudata import MuData
from scipy import sparse

N_FAULTS = st.integers(0, 2)
COLUMNS = ["kind", "cluster", "image", "treatment", "plate", "part", "size", "angle", "polarity", "area"]
MATRICES = ["X_vae", "X_inpainting_conv1", "X_inpainting_conv3", "X_umap", "spatial", "logs", "X"]
TABLES = ["crops", "masks", "transcripts", "pose"]
NAMES = ["", "/", "T/NK", "naïve β 細胞", "nan", "0", "a b", "|", "x" * 300, "..", "\n"]


def pick(draw, values, label=None):
    return draw(st.sampled_from(list(values)), label=label)


# ---- columns of obs


def column_values(draw, column):
    """Return other values for a column: of another type, with gaps, of one level, of single cells, of odd names."""
    n, codes = len(column), pd.Categorical(column.astype(str)).codes.astype(int)
    names = [f"{name}{i}" for i, name in enumerate(NAMES)]
    makers = {
        "one level": lambda: pd.Categorical(["only"] * n),
        "a cell each": lambda: pd.Categorical([f"g{i}" for i in range(n)]),
        "one cell apart": lambda: pd.Categorical(["rest"] * (n - 1) + ["last"] * min(n, 1)),
        "gaps": lambda: pd.Categorical(column.astype(str).where(np.arange(n) % 4 > 0)),
        "nothing": lambda: pd.Categorical([None] * n),
        "gaps as float": lambda: np.where(np.arange(n) % 4 > 0, codes, np.nan),
        "infinite": lambda: np.where(np.arange(n) == 1, np.inf, codes.astype(float)),
        "constant float": lambda: np.full(n, 2.5),
        "huge": lambda: codes * 1e200,
        "bool": lambda: codes % 2 == 0,
        "int": lambda: codes,
        "int8": lambda: codes.astype(np.int8),
        "uint64": lambda: codes.astype(np.uint64) + 2**63,
        "float32": lambda: codes.astype(np.float32) / 3,
        "nullable int": lambda: pd.array(np.where(np.arange(n) % 5 > 0, codes, None), dtype="Int64"),
        "nullable bool": lambda: pd.array(np.where(np.arange(n) % 5 > 0, codes > 0, None), dtype="boolean"),
        "nullable string": lambda: pd.array(column.astype(str), dtype="string"),
        "str as object": lambda: column.astype(str).to_numpy(object),
        "mixed": lambda: np.array([i if i % 2 else str(i % 3) for i in codes], dtype=object),
        "1 and '1'": lambda: pd.Categorical(np.array([1 if i % 2 else "1" for i in range(n)], dtype=object)),
        "tuples": lambda: np.array([(int(i),) for i in codes] + [None], dtype=object)[:-1],
        "dates": lambda: pd.to_datetime("2020-01-01") + pd.to_timedelta(codes, unit="D"),
        "unused": lambda: pd.Categorical(column.astype(str)).add_categories(["unused", "DMSO|unused"]),
        "ordered": lambda: pd.Categorical(column.astype(str), ordered=True),
        "int categories": lambda: pd.Categorical(codes),
        "float categories": lambda: pd.Categorical(codes / 2),
        "bool categories": lambda: pd.Categorical(codes % 2 == 0),
        "odd names": lambda: pd.Categorical([names[i % len(names)] for i in codes]),
        "empty name": lambda: pd.Categorical(["" if i == 0 else f"{i}" for i in codes]),
        "sparse": lambda: pd.arrays.SparseArray(codes.astype(float)),
    }
    return makers[pick(draw, makers, "values")]()


def bad_column(adata, draw):
    name = pick(draw, COLUMNS, "column")
    if name in adata.obs:
        adata.obs[name] = column_values(draw, adata.obs[name])
    return adata


def no_column(adata, draw):
    adata.obs = adata.obs.drop(columns=pick(draw, COLUMNS, "column"), errors="ignore")
    return adata


# ---- matrices


def other_array(draw, x):
    """Return another array for a matrix: type, memory, values, shape."""
    x = np.asarray(x, dtype=float)
    n = len(x)
    table = pd.DataFrame(x, columns=[f"f{i}" for i in range(x.shape[1])])

    def put(value, row=0):
        made = x.copy()
        made[row : row + 1, :1] = value
        return made

    makers = {
        "nan": lambda: put(np.nan), "infinite": lambda: put(-np.inf, 2), "nan everywhere": lambda: x * np.nan,
        "constant": lambda: np.ones_like(x), "zero": lambda: np.zeros_like(x), "a constant column": lambda: np.where(np.arange(x.shape[1]) == 1, 3.0, x),
        "huge": lambda: x * 1e300, "large": lambda: (x * 1e30).astype(np.float32), "tiny": lambda: x * 1e-300, "far": lambda: x + 1e12,
        "copies": lambda: np.repeat(x[:1], n, axis=0), "twice": lambda: np.hstack([x, x]), "negative": lambda: -np.abs(x) - 1,
        "one outlier": lambda: put(1e25),
        "csr": lambda: sparse.csr_matrix(x), "csc": lambda: sparse.csc_matrix(x), "csr array": lambda: sparse.csr_array(x),
        "csc array": lambda: sparse.csc_array(x), "empty sparse": lambda: sparse.csr_matrix(x.shape), "csr of nan": lambda: sparse.csr_matrix(put(np.nan)),
        "csr of int": lambda: sparse.csr_matrix(np.round(3 * x).astype(np.int32)),
        "fortran": lambda: np.asfortranarray(x), "every other": lambda: np.repeat(x, 2, axis=1)[:, ::2], "upside down": lambda: x[::-1][::-1],
        "big endian": lambda: x.astype(">f4"), "one column": lambda: x[:, :1], "no column": lambda: x[:, :0],
        "table": lambda: table, "table of int": lambda: (3 * table).round().astype("Int64"), "table of text": lambda: table.astype(str),
        "table of odd names": lambda: table.set_axis([NAMES[i % 6] for i in range(table.shape[1])], axis=1),
        "table with gaps": lambda: table.where(table > table.iloc[:, :1].median().iloc[0]),
        "flat": lambda: x[:, 0], "cube": lambda: np.repeat(x[:, :, None], 2, axis=2), "text": lambda: x.astype(str), "object": lambda: x.astype(object),
        "complex": lambda: x + 1j, "bool": lambda: x > 0.5, "read only": lambda: read_only(x), "masked": lambda: np.ma.masked_array(x, x > 0.9),
        **{kind: lambda kind=kind: np.round(3 * x).astype(kind) for kind in ("i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4")},
    }  # fmt: skip
    return makers[pick(draw, makers, "matrix")]()


def read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x


def bad_matrix(adata, draw):
    name = pick(draw, MATRICES, "key")
    where = adata.layers if name == "logs" else adata.obsm
    if name != "X" and name not in where:
        return adata
    made = other_array(draw, adata.X if name == "X" else where[name])
    if isinstance(made, pd.DataFrame):
        made.index = adata.obs_names
    if name == "X":
        made = made if made.shape == adata.shape and not isinstance(made, pd.DataFrame) else None
        adata.X = made
    else:
        where[name] = made
    return adata


def no_matrix(adata, draw):
    name = pick(draw, [*MATRICES, *TABLES, "records"], "key")
    if name == "X":
        adata.X = None
    elif name == "records":
        for key in [key for key in adata.uns if pick(draw, [True, False])]:
            del adata.uns[key]
    else:
        for where in (adata.obsm, adata.layers):
            if name in where:
                del where[name]
    return adata


def foreign_record(adata, draw):
    """Put something else where a record may be."""
    keys = [*adata.uns, "permanova", "classify", "pose", "vae", "split", "X_aggregated", "leiden_optimized"]
    adata.uns[pick(draw, keys, "uns")] = pick(
        draw,
        ["mine", 3, {}, [], None, {"params": {}}, {"results": "none"}, np.arange(3), pd.DataFrame({"a": [1]})],
        "entry",
    )
    return adata


def foreign_key(adata, draw):
    """Put a column or an array where a verb writes its result."""
    keys = [
        "classify",
        "mixture_score",
        "leiden_optimized",
        "leiden_multiplex",
        "mofa_kmeans",
        "split",
        "X_aggregated",
        "angle",
        "vae",
        "X_mofa_kmeans",
    ]
    key = pick(draw, keys, "key")
    slot = pick(draw, ["obs", "obsm", "var"], "slot")
    getattr(adata, slot)[key] = (
        np.zeros(adata.n_vars)
        if slot == "var"
        else np.zeros((adata.n_obs, 2))[:, : 1 if slot == "obs" else 2].squeeze()
    )
    return adata


def bad_references(adata, draw):
    """Damage a table of references: no table, a column less, gaps, other values."""
    key = pick(draw, TABLES, "table")
    if key not in adata.obsm:
        return adata
    table = adata.obsm[key].copy()
    how = pick(draw, ["array", "column", "gaps", "far", "text", "no record", "another record"], "damage")
    column = pick(draw, table.columns, "column")
    if how == "array":
        adata.obsm[key] = np.zeros((adata.n_obs, 3))
    elif how == "column":
        adata.obsm[key] = table.drop(columns=column)
    elif how == "no record":
        del adata.uns[key]
    elif how == "another record":
        adata.uns[key] = pick(draw, [{}, {"images": 3}, {"size": -1}, "none", {"params": {}}], "entry")
    else:
        table[column] = {"gaps": np.nan, "far": 1e9, "text": "there"}[how]
        adata.obsm[key] = table
    return adata


# ---- names and sizes


def bad_names(adata, draw):
    slot = pick(draw, ["obs_names", "var_names"], "slot")
    names = getattr(adata, slot).to_numpy(object).copy()
    how = pick(draw, ["repeated", "all alike", "odd", "numbers", "twice"], "names")
    if how == "repeated" and len(names) > 1:
        names[1] = names[0]
    elif how == "all alike":
        names[:] = "same"
    elif how == "odd":
        names[: len(NAMES)] = NAMES[: len(names)]
    elif how == "numbers":
        names = np.arange(len(names)).astype(str)
    elif how == "twice":
        names = np.tile(names[: (len(names) + 1) // 2], 2)[: len(names)]
    setattr(adata, slot, names)
    return adata


def fewer_genes(adata, draw):
    return adata[:, pick(draw, [[], [0], [1, 0], [0, 1, 2]], "genes")].copy()


def some_cells(adata, draw):
    """Return a view or a copy of some cells: none, one, two, a kind, in another order."""
    n = adata.n_obs
    rows = pick(draw, ["none", "one", "two", "four", "reversed", "mask", "third", "slice"], "cells")
    made = adata[{
        "none": [], "one": [0], "two": [0, n - 1], "four": list(range(min(n, 4))), "reversed": np.arange(n)[::-1],
        "mask": np.arange(n) % 3 > 0, "third": np.arange(0, n, 3), "slice": slice(0, 10),
    }[rows] if n else []]  # fmt: skip
    return made if pick(draw, [True, False], "view") else made.copy()


FAULTS = [
    bad_column,
    bad_column,
    no_column,
    bad_matrix,
    bad_matrix,
    no_matrix,
    foreign_record,
    foreign_key,
    bad_references,
    bad_names,
    fewer_genes,
]


def as_mudata(adata, draw):
    """Divide into two modalities; the second may hold other cells, or the same in another order."""
    rna = adata.copy()
    stain = AnnData(np.ones((adata.n_obs, 2), np.float32), adata.obs[[]].copy(), pd.DataFrame(index=CHANNELS))
    for key in [key for key in ("crops", "masks", "pose", "crops_limits") if key in rna.obsm]:
        stain.obsm[key] = rna.obsm[key]
        del rna.obsm[key]
    for key in [key for key in ("crops", "masks", "pose", "spatial") if key in rna.uns]:
        stain.uns[key] = rna.uns.pop(key)
    pose = [name for name in COLUMNS[-3:] if name in rna.obs]
    stain.obs, rna.obs = rna.obs[pose], rna.obs.drop(columns=pose)
    if "spatial" in rna.obsm:
        stain.obsm["spatial"] = rna.obsm["spatial"]
    if "X_vae" in rna.obsm and pick(draw, [True, False], "latents of both"):
        stain.obsm["X_vae"] = rna.obsm["X_vae"]
    how = pick(
        draw, ["same cells", "same cells", "other cells", "other order", "one modality", "apart", "none"], "modalities"
    )
    if how == "other cells":
        stain = stain[stain.n_obs // 3 :].copy()
    elif how == "other order":
        stain = stain[::-1].copy()
    elif how == "apart":
        stain.obs_names = [f"other {i}" for i in range(stain.n_obs)]
    elif how == "none":
        stain = stain[[]].copy()
    data = MuData({"rna": rna} if how == "one modality" else {"rna": rna, "stain": stain})
    if pick(draw, [True, False], "pulled"):
        data.pull_obs()
    return data


CHANNELS = ["stain of DNA", "stain of protein"]


def draw_data(world, needed, draw, *, backed):
    """Draw data that are good but for up to two faults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if backed and not needed and draw(st.integers(0, 19), label="backed") == 19:
            return world.open_backed()
        data = world.good()
        for name in needed:
            world.leave(name, data)
        for fault in draw(st.lists(st.sampled_from(FAULTS), max_size=2), label="faults"):
            # anndata does not hold everything
            with suppress(ValueError, TypeError, KeyError, IndexError, AttributeError):
                data = fault(data, draw)
        if pick(draw, [False, False, True], "MuData"):
            data = as_mudata(data, draw)
        return some_cells(data, draw) if pick(draw, [False, False, True], "subset") else data


# ---- arguments

#: What is written to, or handed to Lightning as it is; nothing that a wrong value of data meets.
LEFT = {
    "data", "progress", "path", "store", "storage", "checkpoint_dir", "resume", "devices", "num_nodes", "strategy", "precision", "trainer_options",
    "options",
}  # fmt: skip
WRONG = [
    None, True, False, -1, 0, 1, 2, 3, 2.5, -0.5, 0.5, float("nan"), float("inf"), "", "nonsense", "a/b", "a", "kind", "cluster", "plate",
    "image", "size", "X", "X_vae", "spatial", "crops", "logs", "part", "rna", "stain", "DMSO", [], [0], [1, 2], [1.5], [None], ["kind"], ["kind", "kind"],
    ["a", "b", "c"], ["gene 0", "gene 0"], ["rna", "stain"], ["cell 1", "cell 0"], (), (0, 1), (0.9, 0.1), {}, {"a": 1}, {"size": "number"},
    {"rna": "X", "stain": "X"}, b"x", object, np.int64(2), np.float32(0.5), np.array([1, 2]), np.array("a"), np.array([]), np.array([np.nan]),
    pd.NA, 1j, range(3), {"kind"}, ("part", "train"), ("part", "nonsense"), ("kind",), ("nonsense", 1), "2", np.eye(3), pd.DataFrame({"a": [1.0]}),
]  # fmt: skip
#: Numbers of what there is, of which a huge one asks for more than there is; others would be a long wait.
HUGE = {
    "n_neighbors",
    "n_features",
    "n_components",
    "n_sets",
    "n_genes",
    "n_comps",
    "min_cells",
    "sample",
    "n_cells",
    "min_clusters",
    "block_size",
    "buffer",
}


def draw_options(function, options, draw):
    """Draw arguments that are good but for up to two."""
    options = dict(options)
    names = [
        name
        for name, parameter in inspect.signature(function).parameters.items()
        if name not in LEFT and parameter.kind is not parameter.VAR_KEYWORD
    ]
    for name in draw(st.lists(st.sampled_from(names), max_size=2, unique=True), label="arguments") if names else []:
        # of an array Python asks whether it is true, and no check comes before that
        is_flag = inspect.signature(function).parameters[name].annotation.startswith("bool")
        wrong = [
            value for value in WRONG if not (is_flag and isinstance(value, np.ndarray | pd.DataFrame | type(pd.NA)))
        ]
        options[name] = pick(draw, [*wrong, *([10**9, 1e300] if name in HUGE else [])], name)
    return options
