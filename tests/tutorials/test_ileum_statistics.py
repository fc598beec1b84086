import pytest
from notebooks import run_notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.* genes are constant in the held-out cells"),
    pytest.mark.filterwarnings("ignore:n_perms=9 cannot give"),
    pytest.mark.filterwarnings("ignore:.* tests have too few permutations"),
    pytest.mark.filterwarnings("ignore:Labels of 'cell_type' with fewer than 5 cells"),
]


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with few permutations, weights, cells and draws."""
    if not (real_data / "mouse_ileum").is_dir():
        pytest.skip("CREPR_DATA holds no mouse_ileum")
    return run_notebook("ileum_statistics", n_perms=9, weight_step=0.2, n_sample=500, n_draws=2)


def test_all_pairs_of_both_are_tested(run):
    assert {name: len(table) for name, table in run["tables"].items()} == {"counts": 171, "stains": 171}
    # the median over pairs; it takes no permutations
    assert run["tables"]["counts"]["omega2"].median() > 4 * run["tables"]["stains"]["omega2"].median()


def test_joint_clusters_have_controls(run):
    assert run["comparison"].index.tolist()[3:] == ["control 1", "control 2", "control 3"]


def test_published_genes_and_what_is_left_in_blocks(run):
    # the six above 0.2 of the publication, in its order
    best = run["r2"].nlargest(6, "random fifth")
    assert best.index.tolist() == ["Neat1", "Chrm2", "Acta2", "Slc5a1", "Slc51a", "Apob"]
    assert best["random fifth"].iloc[0] == pytest.approx(0.2741, abs=1e-3)
    assert (run["r2"] > 0.1).sum().tolist() == [9, 9, 5]


def test_published_subsets(run):
    assert run["rna"].var[["by components", "by type"]].sum().tolist() == [25, 19]
