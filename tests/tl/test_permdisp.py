import numpy as np
import pandas as pd
import pytest
from anndata import AnnData

import crepr as cr


@pytest.fixture
def adata(rng):
    adata = AnnData(obs=pd.DataFrame({"kind": list("ab") * 20}, index=map(str, range(40))))
    adata.obsm["X_vae"] = rng.normal(size=(40, 3)) * np.where(np.arange(40) % 2, 3, 1)[:, None]
    return adata


def test_anchor_all_groups_at_once(adata):
    cr.tl.permdisp(adata, "kind", pairwise=False, standardize=False, n_perms=99)
    assert cr.get.permdisp(adata).loc[0, "pval"] == pytest.approx(0.01)
    dispersion = adata.uns["permdisp"]["groups"].set_index("group")["dispersion"]
    assert 2 < dispersion["b"] / dispersion["a"] < 4


def test_property_a_metric_of_equal_distances_has_the_same_test(adata):
    cr.tl.permdisp(adata, "kind", metric="seuclidean", n_perms=99)
    cr.tl.permdisp(adata, "kind", n_perms=99, key_added="fast")
    for name in ("statistic", "pval"):
        assert cr.get.permdisp(adata)[name].tolist() == pytest.approx(
            cr.get.permdisp(adata, key_added="fast")[name].tolist()
        )


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.permdisp first"):
        cr.get.permdisp(adata)
    with pytest.raises(ValueError, match="at least two groups"):
        cr.tl.permdisp(adata[::2].copy(), "kind")
