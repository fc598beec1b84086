import pytest
from notebooks import run_notebook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with one epoch for each model."""
    if not (real_data / "yeast_paired").is_dir():
        pytest.skip("CREPR_DATA holds no yeast_paired")
    return run_notebook("yeast_proteins", max_epochs=1)


def test_all_layers_and_rivals_are_judged(run):
    told = run["told"]
    assert told.groupby(level=0).size().to_dict() == {
        "PCA of pixels": 1,
        "autoencoder": 5,
        "classical features": 1,
        "inpainting": 5,
    }
    assert told["inpainting"].max() > 0.3


def test_fields_have_profiles(run):
    assert run["profiles"].n_obs == 20
    assert "mixture_score" in run["yeast"].obs
