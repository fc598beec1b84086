"""CellProfiler features of cells: crops of 48 pixels, two channels, the cells' own pixels.

The peer is cp-measure called for one cell after the other, with the same measures of the same pixels, for fewer cells. Its values
must be the same. Processes start, import and compile before time is taken.
"""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
from _report import Report, alternate, parse_quick
from cp_measure.core import (
    measurecolocalization,
    measuregranularity,
    measureobjectintensity,
    measureobjectintensitydistribution,
    measureobjectsizeshape,
    measuretexture,
)

import crepr as cr

N_CELLS, N_PEER = 2000, 150
OUTLINE = {
    "AreaShape_": [
        measureobjectsizeshape.get_sizeshape, measureobjectsizeshape.get_zernike, measureobjectsizeshape.get_feret,
    ],
}  # fmt: skip
CHANNEL = {
    "Texture_": [measuretexture.get_texture],
    "": [
        partial(measuregranularity.get_granularity, subsample_size=0.5, image_sample_size=0.5),
        measureobjectintensitydistribution.get_radial_zernikes,
    ],
}
#: A cell ends where its crop does, for these.
FRAMED = [
    measureobjectintensity.get_intensity,
    partial(measureobjectintensitydistribution.get_radial_distribution, bin_count=8),
]
PAIR = [
    measurecolocalization.get_correlation_pearson,
    measurecolocalization.get_correlation_manders_fold,
    measurecolocalization.get_correlation_rwc,
]


def main() -> None:
    quick = parse_quick(__doc__)
    n, n_peer = (200, 24) if quick else (N_CELLS, N_PEER)
    mdata = cr.datasets.synthetic_tissue(n_obs=n)
    cr.pp.intensity(mdata, percentiles=(0, 100), progress=False)
    stain = mdata["stain"]
    some = stain[:n_peer].copy()
    check(some)
    measure(stain[:200].copy(), n_jobs=2)
    one, two, peer = alternate(
        partial(measure, stain, n_jobs=1), partial(measure, stain, n_jobs=2), partial(cell_by_cell, some),
        repeats=1 if quick else 3, warmup=0,
    )  # fmt: skip
    n_features = measure(some, n_jobs=1).shape[1]
    report = Report()
    for n_jobs, ours in ((1, one), (2, two)):
        report.ratio(
            f"{n_features} features of {n:,} cells, n_jobs={n_jobs}, vs cp-measure cell by cell", n / ours, n_peer / peer,
            unit="cells/s", at_least=5,
        )  # fmt: skip
    report.finish()


def measure(stain, *, n_jobs: int):
    return cr.pp.classical_features(stain, n_jobs=n_jobs, progress=False, copy=True).obsm["X_classical"]


def cell_by_cell(stain) -> list[dict[str, float]]:
    own, pixels = cr.get.masks(stain, own=True), cr.get.crops(stain).astype(float)
    channels = list(stain.uns["crops"]["channels"])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return [of_one(mask.astype(np.int32), light * mask, channels) for mask, light in zip(own, pixels, strict=True)]


def of_one(mask: np.ndarray, light: np.ndarray, channels: list[str]) -> dict[str, float]:
    values = {}
    for prefix, functions in OUTLINE.items():
        for function in functions:
            values |= {f"{prefix}{key}": value[0] for key, value in function(mask, None).items()}
    for channel, crop in zip(channels, light, strict=True):
        for prefix, functions in CHANNEL.items():
            for function in functions:
                values |= {f"{prefix}{key}_{channel}": value[0] for key, value in function(mask, crop).items()}
        for function in FRAMED:
            found = function(np.pad(mask, 1), np.pad(crop, 1))
            values |= {f"{key}_{channel}": value[0] for key, value in found.items()}
    for function in PAIR:
        values |= {f"{key}_{'|'.join(channels)}": value[0] for key, value in function(*light, mask).items()}
    return values


def check(stain) -> None:
    ours = measure(stain, n_jobs=1)
    theirs = cell_by_cell(stain)
    for column in ours:
        expected = np.array([row[column.removeprefix("cell_")] for row in theirs])
        if not np.allclose(
            ours[column], expected, rtol=1e-5, atol=1e-6 * max(np.abs(expected).max(), 0.1), equal_nan=True
        ):
            raise RuntimeError(f"{column} differs from cp-measure.")


if __name__ == "__main__":
    main()
