"""A fit of muon's MOFA that leaves nothing behind."""

from __future__ import annotations

import warnings
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import h5py
import numpy as np
import pandas as pd
from anndata import AnnData
from mudata import MuData

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Most iterations of a fit, as in muon.
N_ITERATIONS = 1000


def fit_mofa(views: Sequence[np.ndarray], n_factors: int, *, rng: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """Fit MOFA :cite:p:`Argelaguet2020` with a Gaussian likelihood.

    Parameters
    ----------
    views
        Arrays of shape `(n, d)`, the same cells in each.
    n_factors
        Number of factors, at most the smaller of `n` and the sum of `d`.
    rng
        Seed, below `2**32`.

    Returns
    -------
    Factors, `(n, n_factors)`, by falling variance explained; the share of the variance of each view that each explains,
    `(n_views, n_factors)`; whether the fit converged.

    Raises
    ------
    RuntimeError
        If mofapy2 gives up.
    """
    with _unseen(n_factors), TemporaryDirectory(prefix="crepr_mofa_") as folder:
        import muon

        mdata = MuData({f"view{i}": _as_view(i, x) for i, x in enumerate(views)})
        path = Path(folder, "model.hdf5")
        muon.tl.mofa(
            mdata, use_var=None, likelihoods="gaussian", scale_views=True, n_factors=n_factors, n_iterations=N_ITERATIONS, seed=rng,
            outfile=str(path), save_data=False, save_metadata=False, save_interrupted=False,
        )  # fmt: skip
        with h5py.File(path) as file:
            # iterations that were not needed are cut off; the last entry is never reached
            n_missing = int(np.isnan(file["training_stats/time"][()]).sum())
    if n_missing > 1:
        # mofapy2 takes an interrupted fit for a finished one
        raise KeyboardInterrupt
    variance = np.stack([mdata.uns["mofa"]["variance"][name] for name in mdata.mod]) / 100
    return np.asarray(mdata.obsm["X_mofa"]), variance, n_missing == 0


def _as_view(i: int, x: np.ndarray) -> AnnData:
    # a copy, since mofapy2 centres in place
    return AnnData(np.array(x, dtype=np.float64), var=pd.DataFrame(index=[f"view{i}_{j}" for j in range(x.shape[1])]))


@contextmanager
def _unseen(n_factors: int) -> Iterator[None]:
    """Keep the prints, warnings, seed and exits of mofapy2 from the session; importing it would silence all warnings."""
    state = np.random.get_state()  # noqa: NPY002
    try:
        with redirect_stdout(StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except SystemExit as error:
        if isinstance(error.__context__, KeyboardInterrupt):
            raise error.__context__ from None
        raise RuntimeError(f"mofapy2 gave up on {n_factors} factors: {error.__context__ or error}.") from error
    finally:
        np.random.set_state(state)  # noqa: NPY002
