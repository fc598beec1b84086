import numpy as np
import pytest
from notebooks import run_notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Tensorflow not installed:ImportWarning"),
]


@pytest.fixture(scope="module")
def run():
    """What the cells of the notebook leave behind, with few cells, epochs and permutations."""
    return run_notebook("scverse_chain", n_obs=300, max_epochs=2, n_perms=20)


def test_cells_that_one_modality_lacks_are_left_out_of_all(run):
    assert run["stain"].n_obs < 300
    assert run["stain"].obs_names.equals(run["rna"].obs_names)


def test_neighbours_of_crepr_clusters_are_counted_by_squidpy(run):
    stain = run["stain"]
    for key in ("look", "joint"):
        n_clusters = stain.obs[key].cat.categories.size
        assert stain.uns[f"{key}_nhood_enrichment"]["zscore"].shape == (n_clusters, n_clusters)


def test_a_niche_is_the_mean_of_a_cell_and_its_neighbours(run):
    stain = run["stain"]
    members = np.append(stain.obsp["spatial_connectivities"][7].indices, 7)
    np.testing.assert_allclose(stain.obsm["X_niche"][7], stain.obsm["X_vae"][members].mean(axis=0), atol=1e-5)


def test_all_is_read_from_one_file(run):
    again = run["again"]
    assert again["stain"].obs["look"].equals(run["stain"].obs["look"])
    assert "cell and neighbours" in again.uns
