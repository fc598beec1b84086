"""Combinations whose labels can hardly be permuted."""

import pytest

import crepr as cr


def test_p_is_one_where_nothing_can_be_permuted():
    adata = cr.datasets.synthetic_profiles(
        4, n_additive=3, n_antagonistic=0, n_synergistic=0, n_replicates=8, n_controls=8, n_features=30, n_plates=4
    )
    model = cr.tl.train_vae(
        adata, inputs="X", n_latent=3, model_options={"widths": [16]}, max_epochs=20, progress=False
    )
    adata.obs["own"] = adata.obs["treatment"].astype(str)
    with pytest.warns(UserWarning, match="strata leave nothing to permute for 3 of 3 combinations"):
        cr.tl.latent_arithmetic(
            adata, model, groupby="treatment", control="DMSO", strata="own", n_perms=199, n_boot=0, progress=False
        )
    tested = cr.get.latent_arithmetic(adata).dropna(subset="pval")
    assert set(tested["space"]) == {"latent", "pca", "input"}
    # equal sums that were decoded in batches of another size differ by rounding
    assert (tested["pval"] == 1).all()
    assert tested["zscore"].isna().all()
    assert not cr.get.latent_arithmetic(adata, table="combinations")["adds_up"].any()
