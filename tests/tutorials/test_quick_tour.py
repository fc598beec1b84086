import numpy as np
import pytest
from notebooks import run_notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:The best (n_neighbors|resolution)"),
    pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells"),
    pytest.mark.filterwarnings("ignore:Groups under 5 cells"),
]


@pytest.fixture(scope="module")
def run():
    """What the cells of the notebook leave behind, with few cells and epochs."""
    return run_notebook("quick_tour", n_obs=300, max_epochs=2)


def test_latents_clusters_and_their_controls(run):
    mdata, stain = run["mdata"], run["stain"]
    assert stain.obsm["X_vae"].shape == (300, 50)
    assert stain.obs["leiden_optimized"].notna().all()
    comparison = mdata.uns["leiden_multiplex_optimized"]["comparison"]
    assert comparison["clustering"].tolist()[:3] == ["joint", "rna alone", "stain alone"]


def test_pairs_that_are_asked_for_were_tested(run):
    assert run["table"].loc[run["asked"], "pval"].between(0, 1).all()


def test_genes_that_follow_nothing_are_not_told(run):
    told = run["told"]
    assert told.shape == (60, 3)
    assert told.loc[told["driver"] == "none", ["random", "blocks"]].to_numpy().max() < 0.1


def test_what_was_written_and_moved_is_the_same(run):
    again, mdata = run["again"], run["mdata"]
    assert not (run["work"] / "images").exists()
    np.testing.assert_allclose(again["stain"].obsm["X_again"], mdata["stain"].obsm["X_vae"], atol=1e-5)
