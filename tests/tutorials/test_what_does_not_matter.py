import pytest
from notebooks import run_notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with few epochs for each model; some are needed until latents are used."""
    if not (real_data / "jurkat_cellcycle").is_dir():
        pytest.skip("CREPR_DATA holds no jurkat_cellcycle")
    return run_notebook("what_does_not_matter", max_epochs={"simulated": 8, "jurkat": 1})


def test_pose_is_that_of_the_simulation(run):
    assert run["axis"].abs().median() < 1


def test_each_representation_is_judged(run):
    rows = run["rows"]
    assert list(rows) == ["PCA of aligned pixels", "VAE", "ME-VAE"]
    # without training, the baseline that has none
    assert rows["PCA of aligned pixels"]["accuracy of the phase"] > 0.6
    assert all(abs(row["R2 of the rotation"]) <= 1 for row in rows.values())
