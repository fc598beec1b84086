"""Mouse ileum, ready for the benchmarks."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import scanpy as sc

import crepr as cr

if TYPE_CHECKING:
    from mudata import MuData


def read_ileum() -> MuData:
    """Read the modalities `rna`, normalised, with `X_tc`, and `stain`, with `X_vae`, of 5,192 cells."""
    folder = Path(os.environ.get("CREPR_DATA", ""), "mouse_ileum")
    if not folder.is_dir():
        sys.exit("Real data not found: set CREPR_DATA to the folder that has mouse_ileum/ in it.")
    mdata = cr.datasets.mouse_ileum(folder)
    sc.pp.normalize_total(mdata["rna"])
    sc.pp.log1p(mdata["rna"])
    mdata["rna"].obsm["X_tc"] = mdata["rna"].X.toarray()
    return mdata
