from __future__ import annotations

import hashlib
import json
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from crepr import _access, _keys, _record, _validate
from crepr.get._registered import registered
from crepr.images._molecules import FORMAT, read_columns, read_info, write_molecules
from crepr.pp._find_assignment import find_assignment
from crepr.pp._gather_molecules import LOSSES, gather_molecules
from crepr.pp._molecule_source import PARQUET, open_molecule_source
from crepr.pp._pixel_map import crops_owner, find_pixel_map, warn_if_elsewhere
from crepr.pp._relocate_molecules import relocate_molecules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from anndata import AnnData

    from crepr._types import Data, PathLike
    from crepr.pp._gather_molecules import Molecules
    from crepr.pp._molecule_source import MoleculeSource

log = logging.getLogger("crepr")

SUFFIXES = {".csv", ".tsv", ".txt", ".gz", ".bz2", ".zst", *PARQUET}


def transcripts(
    data: Data,
    molecules: Any = None,
    *,
    x: str = "x",
    y: str = "y",
    gene: str = "gene",
    cell: str | None = None,
    noise: str | None = None,
    polygons: Any = None,
    mod: str | None = None,
    path: PathLike | None = None,
    pixel_size: float | None = None,
    affine: Any = None,
    coordinate_system: str | None = None,
    genes: Sequence[str] | None = None,
    unknown_genes: Literal["error", "drop"] = "error",
    min_gene_count: int = 0,
    min_cell_count: int = 0,
    overwrite: bool = False,
    relocate: Mapping[str, PathLike] | None = None,
    progress: bool = True,
    copy: bool = False,
) -> Data | None:
    """Register the transcripts of each cell: where in the image does it express which gene?

    The molecules are read once, in parts, sorted by cell and written to a Parquet file; each cell refers to its rows
    of that file. Calling again with the same molecules and options finds the file and only sets the references.
    References stay valid through subsetting, :func:`anndata.concat` and writing to h5ad, h5mu or Zarr. Memory is about
    14 bytes for each molecule that has a gene and a cell, and twice that for a moment.

    A molecule is left out, and counted, for the first of these reasons that applies: it is noise (`noise`); its gene
    is not in `.var_names` (`unknown_genes`) or not asked for (`not_in_genes`); it is in no cell (`no_cell`); it lies
    outside of the registered image (`out_of_image`); its gene is rare (`rare_genes`); its cell has few (`small_cells`).
    Where cells are found by position, the image comes before the cell.

    Parameters
    ----------
    data
        Annotated data whose variables are genes; of a MuData, the modality `mod`.
    molecules
        One row per molecule: pandas or dask DataFrame, path of a CSV (also compressed) or Parquet file or folder,
        points of SpatialData, or `'spatialdata:STORE#ELEMENT'`.
    x, y, gene
        Columns with positions, in the units that `pixel_size` or `affine` takes to pixels, and names of genes.
    cell
        Column with names of cells, as in `.obs_names`. What is no name of a cell (0, NaN, 'UNASSIGNED') is no cell.
        Without it, molecules belong to the cell in whose polygon, or else registered mask, they lie.
    noise
        Column of flags; molecules flagged are left out.
    polygons
        :class:`geopandas.GeoDataFrame` indexed by cell (circles of SpatialData too), or a mapping from cell to polygon,
        in the coordinates of the molecules. A molecule on the edge is inside; one in polygons of several cells goes to
        the first of them in `.obs_names`. A cell may have several polygons.
    mod
        Modality of a MuData; may be left out where there is one.
    path
        The Parquet file to write. By default `NAME_by_cell.parquet` beside the file `molecules`; to be given where
        that is no file.
    pixel_size
        Units of `x` and `y` per pixel, such as micrometres.
    affine
        3 x 3 matrix that takes `(x, y, 1)` to pixels `(x, y, 1)`. Without `affine` and `pixel_size`, positions are
        taken to pixels as :func:`crepr.pp.crops` does it for the same object or another modality; where there are no
        crops either, they are pixels.
    coordinate_system
        How points and polygons of SpatialData find the image. By default by themselves, where the image of the crops is from
        SpatialData, too. Else, or where this is set, it is the coordinate system that positions are in (`'global'`): the elements'
        transformation to it comes before `affine` or what stands for it. `'intrinsic'` for no transformation.
    genes
        Genes to keep, all others are left out; by default all in `.var_names`.
    unknown_genes
        What to do with genes that `.var_names` lacks, such as blanks and controls: `'error'`, or `'drop'` to leave
        them out. With `genes` they are left out.
    min_gene_count
        Keep genes with more molecules than this in all cells together; :cite:p:`Moser2025` take 100. A gene that is
        left out gets no plane.
    min_cell_count
        Cells with fewer molecules of the genes kept refer to none; :cite:p:`Moser2025` take 10.
    overwrite
        Replace a table at `path` that other molecules or options made. Nothing else is ever replaced.
    relocate
        Instead of `molecules`: old path of a table, or of a folder above it, to the new path. Only the references
        change, and only to the same table.
    progress
        Show progress bars.
    copy
        Return a changed copy instead of writing to `data`.

    Returns
    -------
    `None`, or a copy if `copy=True`. Sets in the modality of the genes:

    `.obsm['transcripts']` : :class:`pandas.DataFrame`
        Per cell `table` (categorical, `PATH#FINGERPRINT`), `start` and `stop` (its rows of the table), `y` and `x`
        (middle of the box around its molecules in pixels, NaN without any).
    `.uns['transcripts']['genes']` : :class:`numpy.ndarray`
        Names of the genes kept, in the order of `.var_names`.
    `.uns['transcripts']['counts']` : :class:`dict`
        `molecules` in all, `kept`, and for each reason above how many were left out; `in_several_cells`, molecules in
        polygons of several cells; `genes` and `cells` kept, `genes_dropped` and `cells_dropped` by the two minima.
    `.uns['transcripts']['params']` : :class:`dict`
        The options used, with the `affine` of each image.
    `.uns['transcripts']['crops_affine']` : :class:`dict`
        The matrices of the crops at this time: other crops later ask for the transcripts again.

    Raises
    ------
    KeyError
        If a column, coordinate system or modality is missing.
    FileNotFoundError, FileExistsError, PermissionError
        If `molecules` is not there, `path` holds another table, or cannot be written to.
    TypeError
        If `molecules` is of no kind above, or a column has the wrong type.
    ValueError
        If positions are NaN or infinite, genes are unknown, no molecule is in any cell, nothing says which cell a
        molecule is of, several modalities have crops or masks, a file is damaged, or options contradict each other.
        Nothing is written then.

    Warns
    -----
    UserWarning
        If the molecules of most cells lie outside of the cells' crops.

    Examples
    --------
    >>> import crepr as cr, numpy as np, pandas as pd
    >>> from anndata import AnnData
    >>> adata = AnnData(np.zeros((2, 2)), pd.DataFrame(index=["a", "b"]), pd.DataFrame(index=["Actb", "Cd4"]))
    >>> table = pd.DataFrame({"x": [1.0, 9, 8], "y": [1.0, 9, 9], "gene": ["Actb", "Cd4", "Cd4"], "cell": ["a", "b", "0"]})
    >>> cr.pp.transcripts(adata, table, cell="cell", path="molecules.parquet", progress=False)
    >>> adata.obsm["transcripts"][["start", "stop"]].to_numpy().tolist()
    [[0, 1], [1, 2]]
    >>> adata.uns["transcripts"]["counts"]["no_cell"]
    1
    """
    data = _access.copied(data) if copy else data
    if relocate is not None:
        if molecules is not None:
            raise ValueError("Set either molecules or relocate, not both.")
        adata = _access.modality(data, mod, having=_keys.TRANSCRIPTS, hint="Give molecules first.")
        relocate_molecules(adata, relocate)
        return data if copy else None
    if molecules is None:
        raise TypeError("molecules is missing. Give a table or the path of one.")
    adata = _access.modality(data, mod)
    wanted = _wanted_genes(adata, genes)
    _validate.unique_cells(adata.obs_names)
    _validate.choice("unknown_genes", unknown_genes, ["error", "drop"])
    min_gene_count = _validate.integer("min_gene_count", min_gene_count, minimum=0)
    min_cell_count = _validate.integer("min_cell_count", min_cell_count, minimum=0)
    roles = {"x": x, "y": y, "gene": gene, "cell": cell, "noise": noise}
    columns = {role: column for role, column in roles.items() if column is not None}
    source = open_molecule_source(molecules, columns)
    target = _target(path, source)
    pixel_map = find_pixel_map(data, adata, pixel_size=pixel_size, affine=affine)
    assignment = find_assignment(
        data, adata, cell=cell, polygons=polygons, pixel_map=pixel_map, coordinate_system=coordinate_system
    )
    pixel_map = assignment.pixel_map.of(source.element, coordinate_system)
    params = roles | {
        "by": assignment.by, "unknown_genes": "drop" if genes is not None else unknown_genes,
        "min_gene_count": min_gene_count, "min_cell_count": min_cell_count,
        "affine": {str(i): matrix for i, matrix in enumerate(pixel_map.affine)},
    }  # fmt: skip
    fingerprint = _fingerprint(
        FORMAT, source.fingerprint, assignment.fingerprint, params, list(adata.obs_names), list(adata.var_names[wanted]),
        pixel_map.affine, pixel_map.height, pixel_map.width, pixel_map.image,
    )  # fmt: skip

    info = _existing(target, fingerprint, overwrite=overwrite)
    if info is None:
        found = gather_molecules(
            source, columns, pixel_map=pixel_map, genes=adata.var_names, wanted=wanted,
            strict=params["unknown_genes"] == "error", cells=adata.obs_names, progress=progress,
        )  # fmt: skip
        if assignment.find is not None:
            found.cell, found.counts["in_several_cells"] = assignment.find(found.y, found.x, progress=progress)
            found.keep(found.cell >= 0, "no_cell")
        kept = _filter(found, adata, min_gene_count, min_cell_count)
        write_molecules(
            target, y=found.y, x=found.x, gene=found.gene, cell=found.cell, genes=kept, fingerprint=fingerprint,
            info={"counts": dict(found.counts), "affine": pixel_map.affine.tolist()},
        )  # fmt: skip
        info = read_info(str(target))
        log.info("Transcripts: %s. Sorted by cell in %s.", _report(info["counts"]), target)
    else:
        log.info("Transcripts: %s. Found sorted by cell in %s.", _report(info["counts"]), target)
    _record.own(adata)
    adata.obsm[_keys.TRANSCRIPTS] = _references(f"{target}#{fingerprint}", adata.obs_names)
    owner = crops_owner(data, adata)
    crops = {} if owner is None else registered(owner, _keys.CROPS)
    _record.record(
        adata, _keys.TRANSCRIPTS, genes=info["genes"], params=params, counts=info["counts"],
        crops_affine=crops.get("affine", {}),
    )  # fmt: skip
    if owner is not None and "size" in crops:
        warn_if_elsewhere(owner, adata)
    return data if copy else None


def _wanted_genes(adata: AnnData, genes: Sequence[str] | None) -> np.ndarray:
    if not adata.var_names.is_unique:
        repeated = adata.var_names[adata.var_names.duplicated()].unique()
        raise ValueError(
            f"var_names must be unique; {len(repeated)} are repeated ({_validate.listing(repeated, limit=5)}). "
            "Call .var_names_make_unique() first."
        )
    if genes is None:
        return np.ones(adata.n_vars, bool)
    if isinstance(genes, str):
        raise TypeError(f"genes must be a list of names, got the text {genes!r}. Write [{genes!r}].")
    missing = [name for name in genes if name not in adata.var_names]
    if missing or not len(genes):
        raise ValueError(
            f"genes must name genes of var_names, got {len(missing)} others ({_validate.listing(missing)}). Leave them out."
        )
    return adata.var_names.isin(genes)


def _target(path: PathLike | None, source: MoleculeSource) -> Path:
    if path is not None:
        target = Path(path).absolute()
        if target.is_dir() or (source.path is not None and target.resolve() == source.path.resolve()):
            raise ValueError(
                f"path={str(path)!r} must be a file of its own, not a folder or molecules. Give another path."
            )
    elif source.path is None:
        raise ValueError(
            "molecules is no file that a sorted table could be written beside. Set path to the Parquet file to write; "
            "the cells will refer to it."
        )
    else:
        stem = source.path
        while stem.suffix.lower() in SUFFIXES:
            stem = stem.with_suffix("")
        target = stem.with_name(f"{stem.name}_by_cell.parquet")
    _validate.writable_folder("path", target.parent)
    return target


def _fingerprint(*parts: Any) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for part in parts:
        digest.update(
            part.tobytes() if isinstance(part, np.ndarray) else json.dumps(part, default=np.ndarray.tolist).encode()
        )
        digest.update(b"\0")
    return digest.hexdigest()


def _existing(target: Path, fingerprint: str, *, overwrite: bool) -> dict[str, Any] | None:
    """Read the notes of the table if it is the one asked for; raise if something stands in its place."""
    if not target.exists():
        return None
    try:
        info = read_info(str(target))
    except ValueError as error:
        raise FileExistsError(
            f"path={str(target)!r} holds something else than a whole table of sorted molecules, and is left as it is. "
            "Give another path, or delete it."
        ) from error
    if info["fingerprint"] == fingerprint:
        return info
    if not overwrite:
        raise FileExistsError(
            f"path={str(target)!r} holds molecules that were sorted from another table, for other cells or with other "
            "options. Give another path, or set overwrite=True: objects that refer to it will then ask for it again."
        )
    return None


def _filter(found: Molecules, adata: AnnData, min_gene_count: int, min_cell_count: int) -> list[str]:
    """Leave out rare genes, then cells with few molecules; returns the genes kept, to which the codes now refer."""
    counts = found.counts
    if not len(found.cell):
        raise ValueError(
            f"No molecule lies in any cell ({_report(counts)}). Check pixel_size or affine, and where cells come from."
        )
    per_gene = np.bincount(found.gene, minlength=adata.n_vars)
    common = per_gene > min_gene_count
    found.keep(common[found.gene], "rare_genes")
    found.gene = (common.cumsum() - 1).astype(found.gene.dtype)[found.gene]
    per_cell = np.bincount(found.cell, minlength=adata.n_obs)
    large = per_cell >= max(min_cell_count, 1)
    found.keep(large[found.cell], "small_cells")
    if not len(found.cell):
        raise ValueError(
            f"min_gene_count={min_gene_count} and min_cell_count={min_cell_count} leave no molecule ({_report(counts)}). "
            "Lower them."
        )
    counts.update(
        kept=len(found.cell), genes=int(common.sum()), genes_dropped=int(((per_gene > 0) & ~common).sum()),
        cells=int(large.sum()), cells_dropped=int(((per_cell > 0) & ~large).sum()),
    )  # fmt: skip
    for name in (*LOSSES, "in_several_cells"):
        counts.setdefault(name, 0)
    return adata.var_names[common].tolist()


def _report(counts: Mapping[str, int]) -> str:
    lost = ", ".join(f"{name} {counts[name]}" for name in LOSSES if counts.get(name))
    kept = f"{counts['kept']} in {counts['cells']} cells, {counts['genes']} genes" if "kept" in counts else "none kept"
    return f"{counts['molecules']} molecules, {kept}" + (f"; left out: {lost}" if lost else "")


def _references(uri: str, cells: pd.Index) -> pd.DataFrame:
    columns = read_columns(uri, ["cell", "y", "x"])
    if len(columns["cell"]) and columns["cell"][-1] >= len(cells):
        raise ValueError(
            f"{uri!r} holds molecules of more than {len(cells)} cells: it is damaged. Set overwrite=True, or delete it."
        )
    n = np.bincount(columns["cell"], minlength=len(cells))
    stop = n.cumsum()
    start = stop - n
    middle = {}
    for axis in ("y", "x"):
        middle[axis] = np.full(len(cells), np.nan)
        first = start[n > 0]
        ends = np.minimum.reduceat(columns[axis], first), np.maximum.reduceat(columns[axis], first)
        middle[axis][n > 0] = (ends[0].astype(np.float64) + ends[1]) / 2
    table = pd.Categorical.from_codes(np.zeros(len(cells), np.int8), categories=pd.Index([uri]))
    return pd.DataFrame({"table": table, "start": start, "stop": stop, **middle}, index=cells)
