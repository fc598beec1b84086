import anndata
import numpy as np
import pandas as pd
import pytest
from sklearn.decomposition import PCA

from crepr import datasets
from crepr.stats._group_arithmetic import group_arithmetic
from crepr.stats._weighted_means import weighted_means


@pytest.fixture(scope="module")
def adata():
    return datasets.synthetic_profiles()


def shown(adata, factors):
    """What the features show of factors, by the truth that comes with them."""
    offset = adata.var["true_offset"].to_numpy()
    return np.tanh(factors @ adata.varm["true_weights"].T + offset) - np.tanh(offset)


def of_kind(adata, kind):
    """Codes of treatments, coefficients of A + B - control, and codes of what it predicts, for combinations of a kind."""
    codes, names = adata.obs["treatment"].cat.codes.to_numpy(), adata.obs["treatment"].cat.categories
    combined = adata.obs.loc[adata.obs["kind"] == kind, "treatment"].unique()
    coefficients = np.zeros((len(combined), len(names)))
    for row, name in zip(coefficients, combined, strict=True):
        row[[names.get_loc(part) for part in name.split("|")]] = 1
        row[names.get_loc("DMSO")] = -1
    return codes, coefficients, names.get_indexer(combined)


def distances(adata, kind):
    """Mean distance to the truth in features: of arithmetic in features, in principal components, in true factors, and of control."""
    codes, coefficients, targets = of_kind(adata, kind)
    means = weighted_means(adata.X, codes, coefficients.shape[1])
    pca = PCA(adata.obsm["true_factors"].shape[1]).fit(adata.X)
    predictions = {
        "features": group_arithmetic(adata.X, codes, coefficients),
        "components": pca.inverse_transform(group_arithmetic(pca.transform(adata.X), codes, coefficients)),
        "factors": shown(adata, group_arithmetic(adata.obsm["true_factors"], codes, coefficients)),
        "control": means[0],
    }
    return {name: np.linalg.norm(found - means[targets], axis=1).mean() for name, found in predictions.items()}


def test_anchor_what_is_there(adata):
    assert adata.shape == (1984, 150)
    assert adata.X.dtype == np.float32
    obs = adata.obs
    assert obs.columns.tolist() == ["treatment", "kind", "compound", "plate"]
    assert obs["kind"].value_counts().to_dict() == {
        "control": 256, "single": 576, "additive": 576, "antagonistic": 288, "synergistic": 288
    }  # fmt: skip
    assert obs["treatment"].cat.categories[:13].tolist() == ["DMSO", *"ABCDEFGHIJKL"]
    assert (obs["treatment"].str.contains("|", regex=False) == obs["kind"].isin(obs["kind"].cat.categories[2:])).all()
    assert obs.groupby("treatment", observed=True)["kind"].nunique().max() == 1
    # replicates and controls are spread evenly
    assert set(obs.groupby(["compound", "plate"], observed=True).size()) == {2, 32}
    compounds = obs.groupby("treatment", observed=True)["compound"].unique()
    assert compounds["A"].tolist() == ["A_1", "A_2", "A_3"]
    assert compounds["DMSO"].tolist() == ["DMSO"]
    assert obs["plate"].is_monotonic_increasing
    assert adata.var_names[[0, -1]].tolist() == ["Cells_AGP_1", "Nuclei_RNA_10"]
    assert set(adata.var.groupby(["compartment", "channel"], observed=True).size()) == {10}
    # the plan of the readout: factors weigh twice as much in their own channel
    size = pd.DataFrame(adata.varm["true_weights"] ** 2).groupby(adata.var["channel"].to_numpy()).mean()
    assert size[[0, 5]].idxmax().tolist() == ["AGP", "AGP"]
    assert size[[1, 2, 3, 4]].idxmax().tolist() == ["DNA", "ER", "Mito", "RNA"]


@pytest.mark.parametrize(
    ("kind", "error", "size"), [("additive", 0, 1), ("antagonistic", 3, 0.25), ("synergistic", 2**-0.5, 2**0.5)]
)
def test_anchor_how_factors_combine(adata, kind, error, size):
    # in lengths of the change, and of the change that arithmetic predicts
    codes, coefficients, targets = of_kind(adata, kind)
    truth = weighted_means(adata.obsm["true_factors"], codes, coefficients.shape[1])[targets]
    predicted = group_arithmetic(adata.obsm["true_factors"], codes, coefficients)
    length = np.linalg.norm(truth, axis=1)
    np.testing.assert_allclose(np.linalg.norm(predicted - truth, axis=1) / length, error, atol=1e-9)
    np.testing.assert_allclose(length / np.linalg.norm(predicted, axis=1), size)
    assert np.linalg.norm(predicted, axis=1).min() > 0.8


def test_anchor_each_mechanism_moves_two_factors(adata):
    codes, _, _ = of_kind(adata, "additive")
    single = weighted_means(adata.obsm["true_factors"], codes, 37)[1:13]
    assert ((np.abs(single) > 1e-9).sum(1) == 2).all()
    length = np.linalg.norm(single, axis=1)
    assert length.min() > 1.2
    assert length.max() < 2.2


@pytest.mark.parametrize("rng", range(4))
def test_reference_factors_add_up_and_features_do_not(rng):
    adata = datasets.synthetic_profiles(rng=rng)
    found = distances(adata, "additive")
    assert found["factors"] < 0.15 * found["control"]
    # additivity in features costs three times what all noise does, and principal components hardly help
    assert found["features"] > 2.5 * found["factors"]
    assert 2 * found["factors"] < found["components"] < found["features"]
    for kind in ("antagonistic", "synergistic"):
        assert distances(adata, kind)["factors"] > 5 * found["factors"]


def test_property_without_noise_features_are_what_factors_show():
    adata = datasets.synthetic_profiles(3, n_additive=3, n_antagonistic=0, n_synergistic=0, noise=0, rng=3)
    np.testing.assert_allclose(adata.X, shown(adata, adata.obsm["true_factors"]), atol=1e-6)
    assert (adata.X[(adata.obs["kind"] == "control").to_numpy()] == 0).all()
    codes, coefficients, targets = of_kind(adata, "additive")
    means = weighted_means(adata.X, codes, 7)[targets]
    assert np.abs(group_arithmetic(adata.X, codes, coefficients) - means).max() > 0.2


def test_anchor_doses_scale_what_compounds_do():
    adata = datasets.synthetic_profiles(n_doses=3, n_replicates=2, rng=1)
    assert adata.obs["dose"].unique().tolist() == pytest.approx([10, 10 / 3, 10 / 9, 0])
    assert (adata.obs["dose"].eq(0) == (adata.obs["kind"] == "control")).all()
    table = pd.DataFrame(adata.obsm["true_factors"]).groupby(
        [adata.obs[name].to_numpy() for name in ("compound", "dose")]
    )
    assert table.size().drop("DMSO").eq(2).all()
    by_dose = {dose: table.mean().xs(dose, level=1).to_numpy() for dose in adata.obs["dose"].unique()}
    # d / (d + 1), as a share of 10 / 11
    np.testing.assert_allclose(by_dose[10 / 3], by_dose[10] * (10 / 13) * 1.1, atol=1e-9)
    np.testing.assert_allclose(by_dose[10 / 9], by_dose[10] * (10 / 19) * 1.1, atol=1e-9)
    # what adds up at one dose adds up in the mean over all
    codes, coefficients, targets = of_kind(adata, "additive")
    truth = weighted_means(adata.obsm["true_factors"], codes, coefficients.shape[1])[targets]
    np.testing.assert_allclose(group_arithmetic(adata.obsm["true_factors"], codes, coefficients), truth, atol=1e-9)


def test_property_compounds_differ_and_plates_shift():
    options = {"n_mechanisms": 4, "n_additive": 2, "n_antagonistic": 1, "n_synergistic": 1, "n_compounds": 20, "rng": 5}
    plain = datasets.synthetic_profiles(**options)
    factors = pd.DataFrame(plain.obsm["true_factors"]).groupby(plain.obs["compound"].to_numpy()).mean()
    within = factors.groupby(factors.index.str.split("_").str[0]).std().drop("DMSO")
    assert within.to_numpy().mean() == pytest.approx(0.15, rel=0.1)
    shifted = datasets.synthetic_profiles(**options, plate_effect=0.5)
    change = (shifted.X - plain.X)[np.r_[True, np.diff(plain.obs["plate"].cat.codes) > 0]]
    assert change.std() == pytest.approx(0.5, rel=0.1)
    np.testing.assert_allclose(shifted.X - plain.X, change[plain.obs["plate"].cat.codes], atol=1e-5)


def test_property_same_seed_same_data_and_it_survives_writing(adata, tmp_path):
    again = datasets.synthetic_profiles(rng=np.random.default_rng(0))
    np.testing.assert_array_equal(again.X, adata.X)
    pd.testing.assert_frame_equal(again.obs, adata.obs)
    assert not np.array_equal(datasets.synthetic_profiles(rng=1).X, adata.X)
    # more wells of the same mechanisms
    more = datasets.synthetic_profiles(n_replicates=20, n_plates=4)
    np.testing.assert_array_equal(more.varm["true_weights"], adata.varm["true_weights"])
    assert set(map(tuple, more.obsm["true_factors"])) == set(map(tuple, adata.obsm["true_factors"]))
    adata.write_h5ad(tmp_path / "profiles.h5ad")
    read = anndata.read_h5ad(tmp_path / "profiles.h5ad")
    np.testing.assert_array_equal(read.X, adata.X)
    pd.testing.assert_frame_equal(read.obs, adata.obs)
    pd.testing.assert_frame_equal(read.var, adata.var)


def test_property_small_and_large_plans_work():
    options = {"n_compounds": 1, "n_replicates": 1, "n_plates": 1, "n_controls": 1}
    small = datasets.synthetic_profiles(
        2, n_additive=1, n_antagonistic=0, n_synergistic=0, n_features=7, n_factors=3, **options
    )
    assert small.obs["treatment"].tolist() == ["A", "B", "A|B", "DMSO"]
    assert small.var_names.is_unique
    large = datasets.synthetic_profiles(26, n_additive=325, n_antagonistic=0, n_synergistic=0, **options)
    assert large.obs["treatment"].nunique() == large.n_obs == 1 + 26 + 325
    none = datasets.synthetic_profiles(n_additive=0, n_antagonistic=0, n_synergistic=0, **options)
    assert none.obs["kind"].unique().tolist() == ["single", "control"]


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_mechanisms": 1}, ValueError, "n_mechanisms must be at least 2, got 1"),
        ({"n_mechanisms": 27}, ValueError, "n_mechanisms must be at most 26, one for each letter, got 27"),
        (
            {"n_mechanisms": 3},
            ValueError,
            "24 combinations are more than the 3 pairs of n_mechanisms=3. Lower n_additive",
        ),
        ({"n_additive": -1}, ValueError, "n_additive must be at least 0, got -1"),
        ({"n_synergistic": 1.0}, TypeError, "n_synergistic must be an integer"),
        ({"n_compounds": 0}, ValueError, "n_compounds must be at least 1"),
        ({"n_doses": 0}, ValueError, "n_doses must be at least 1"),
        ({"n_doses": (1, 10)}, TypeError, "n_doses must be an integer or None"),
        ({"n_replicates": 0}, ValueError, "n_replicates must be at least 1"),
        ({"n_plates": 0}, ValueError, "n_plates must be at least 1"),
        ({"n_controls": 0}, ValueError, "n_controls must be at least 1"),
        ({"n_features": 0}, ValueError, "n_features must be at least 1"),
        ({"n_factors": 2}, ValueError, "n_factors must be at least 3"),
        ({"noise": -0.1}, ValueError, "noise must be a finite number of at least 0"),
        ({"plate_effect": "a"}, TypeError, "plate_effect must be a number"),
        ({"rng": "a"}, TypeError, "rng must be an integer of at least 0 or a numpy.random.Generator"),
    ],
)
def test_error(options, error, match):
    with pytest.raises(error, match=match):
        datasets.synthetic_profiles(**options)
