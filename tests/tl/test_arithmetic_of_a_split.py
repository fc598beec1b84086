"""Combinations that a model was not trained on."""

import pandas as pd
import pytest

import crepr as cr

OPTIONS = {"groupby": "treatment", "control": "DMSO"}


@pytest.fixture(scope="module")
def wells():
    adata = cr.datasets.synthetic_profiles(
        4, n_additive=2, n_antagonistic=0, n_synergistic=0, n_replicates=4, n_controls=4, n_features=15
    )
    cr.pp.split_combinations(adata, **OPTIONS)
    model = cr.tl.train_vae(
        adata, inputs="X", validation="split", n_latent=2, model_options={"widths": [8]}, max_epochs=1, progress=False
    )
    return adata, model


def run(adata, model, **options):
    cr.tl.latent_arithmetic(adata, model, **OPTIONS, n_perms=50, n_boot=0, progress=False, **options)
    tables = [cr.get.latent_arithmetic(adata, table=table) for table in ("results", "combinations")]
    return tables[0], tables[1].set_index("combination")


def test_anchor_combinations_are_unseen(wells):
    adata, model = wells
    _, found = run(adata, model, training="split")
    assert found["unseen"].all()
    assert not found["terms_unseen"].any()


def test_anchor_terms_are_unseen(wells):
    adata, model = wells
    one, other = (name for name in adata.obs["treatment"].cat.categories if "|" in name)
    cr.pp.split_combinations(adata, **OPTIONS, combinations=[one], terms=True, key_added="held")
    _, found = run(adata, model, training="held")
    assert found["unseen"].to_dict() == {one: True, other: False}
    assert found.loc[one, "terms_unseen"]


def test_anchor_validation_was_seen_and_components_are_of_training(wells):
    adata, model = wells
    parts = adata.obs["split"].astype(str)
    adata.obs["trained"] = parts == "train"
    adata.obs["seen"] = parts != "test"
    results = run(adata, model, training="split")[0]
    pd.testing.assert_frame_equal(run(adata, model, training="trained")[0], results)
    assert not run(adata, model, training="seen")[0].equals(results)
    adata.obs["chosen_by"] = parts.replace("test", "validation")
    _, found = run(adata, model, training="chosen_by")
    assert not found["unseen"].any()
