import numpy as np
import pytest
from notebooks import run_notebook

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:Groups under 5 rows"),
    pytest.mark.filterwarnings("ignore:.* combinations are skipped"),
]


@pytest.fixture(scope="module")
def run(real_data):
    """What the cells of the notebook leave behind, with few epochs and permutations."""
    if not (real_data / "bbbc021").is_dir() or not (real_data / "jump_moa").is_dir():
        pytest.skip("CREPR_DATA holds no bbbc021 or no jump_moa")
    return run_notebook("profiles_arithmetic", max_epochs={"simulated": 10, "real": 2}, n_perms=99)


def test_pairs_are_called_as_simulated(run):
    calls = run["calls"]
    whole, few = calls(run["simulated"])["add up"], calls(run["few"])["add up"]
    assert whole["additive"] > 6
    assert few["additive"] <= whole["additive"]
    assert whole[["antagonistic", "synergistic"]].sum() == few[["antagonistic", "synergistic"]].sum() == 0


def test_features_tell_mechanisms(run):
    assert run["wells"].shape == (632, 189)
    assert run["accuracy"](run["wells"].X) == pytest.approx(0.92, abs=0.01)


def test_pairs_of_the_plate(run):
    assert run["combinations"].index.tolist() == [
        "EGFR inhibitor|protein tyrosine kinase inhibitor",
        "MAP kinase inhibitor|MEK inhibitor",
    ]
    assert run["plate"].uns["latent_arithmetic"]["params"]["n_skipped"] == 9
    assert not run["combinations"]["adds_up"].any()
    assert np.isfinite(run["told"]["L2"]).all()
