"""References to 1,000,000 cells: register, subset and write them, in time and memory; and what a cell costs.

Each step runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import anndata as ad
import numpy as np
import pandas as pd
import zarr
from _report import Report, parse_quick

import crepr as cr

SIDE = 40_000


def main() -> None:
    quick = parse_quick(__doc__)
    n_obs = 100_000 if quick else 1_000_000
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        measured = json.loads(
            subprocess.run(
                [sys.executable, __file__, "--measure", str(n_obs), folder],
                check=True,
                stdout=subprocess.PIPE,
                text=True,
            ).stdout
        )
    for name in ("register", "subset", "write"):
        report.value(f"{n_obs:,} references: {name}", measured[name], unit="s", at_most=60)
    total = sum(measured[name] for name in ("register", "subset", "write"))
    report.value(f"{n_obs:,} references: all three", total, unit="s", at_most=60)
    report.value(f"{n_obs:,} references: peak memory of the process", measured["peak"], unit="GB", at_most=2)
    report.value("a reference in memory", measured["bytes"], unit="bytes", at_most=200)
    report.value("a reference in h5ad", measured["file_bytes"], unit="bytes", at_most=200)
    report.finish()


def measure(n_obs: int, folder: Path) -> dict[str, float]:
    """Register, subset and write; seconds of each, peak memory (GB) and bytes per cell."""
    rng = np.random.default_rng(0)
    # without chunks on disk an image costs nothing, and references do not read pixels
    zarr.create_array(folder / "tissue.zarr", shape=(2, SIDE, SIDE), chunks=(1, 512, 512), dtype="u2")
    obs = pd.DataFrame(index=pd.RangeIndex(n_obs).astype(str))
    adata = ad.AnnData(obs=obs, obsm={"spatial": rng.uniform(0, SIDE * 0.1, (n_obs, 2))})
    adata.write_h5ad(folder / "before.h5ad")

    times = [time.perf_counter()]
    cr.pp.crops(adata, folder / "tissue.zarr", size=100, axes="cyx", channel_names=["DAPI", "membrane"], pixel_size=0.1)
    times.append(time.perf_counter())
    half = adata[rng.permutation(n_obs)[: n_obs // 2]].copy()
    times.append(time.perf_counter())
    adata.write_h5ad(folder / "after.h5ad")
    times.append(time.perf_counter())

    table = adata.obsm["crops"]
    size = {name: (folder / f"{name}.h5ad").stat().st_size for name in ("before", "after")}
    if half.n_obs != n_obs // 2 or not half.obsm["crops"].index.equals(half.obs_names):
        raise RuntimeError("The subset lost its references.")
    register, subset, write = np.diff(times).tolist()
    return {
        "register": register,
        "subset": subset,
        "write": write,
        # kilobytes on Linux, bytes on macOS
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9,
        "bytes": float(table.memory_usage(index=False, deep=True).sum() / n_obs),
        "file_bytes": (size["after"] - size["before"]) / n_obs,
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        print(json.dumps(measure(int(sys.argv[2]), Path(sys.argv[3]))))
    else:
        main()
