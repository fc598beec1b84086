import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from mudata import MuData

from crepr.tl._cross_validation import cross_validation

OPTIONS = {"groups": None, "block_size": None, "buffer": None, "spatial_key": "spatial", "seed": 0}


@pytest.fixture
def adata(rng):
    obs = pd.DataFrame(
        {"slide": rng.choice(["s", "t", "u"], 200), "half": np.repeat(["l", "r"], 100), "one": "x"},
        index=map(str, range(200)),
    )
    adata = AnnData(obs=obs)
    adata.obsm["spatial"] = rng.uniform(0, 100, (200, 2))
    return adata


def register(adata, *, size=8, images="a", scale=2.0, turn=0.0):
    """As if crops were registered."""
    adata.obsm["crops"] = pd.DataFrame({"image": images, "y": 0.0, "x": 0.0}, index=adata.obs_names)
    turned = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    adata.uns["crops"] = {"size": size, "affine": {"0": np.diag([scale, scale, 1]) @ turned}}


def folds(data, cv, owner=None, **options):
    return cross_validation(data, data if owner is None else owner, cv, **{**OPTIONS, **options})


def nearest(xy, fold):
    return np.abs(xy[fold.train][:, None] - xy[fold.test][None]).max(-1).min(initial=np.inf)


def test_anchor_sizes_from_crops(adata):
    # 8 pixels are 4 units wide
    register(adata)
    found = folds(adata, "spatial")
    assert (found.params["block_size"], found.params["buffer"]) == (20, 4)
    assert found.params["n_folds"] == len(found.folds) == 5
    # turned by an eighth, they are wider along x and y
    register(adata, turn=np.pi / 4)
    assert folds(adata, "spatial").params["buffer"] == pytest.approx(4 * np.sqrt(2))
    assert folds(adata, "spatial", buffer=0).params["buffer"] == 0


def test_anchor_table_and_params(adata):
    found = folds(adata, "split")
    assert found.table().to_dict("list") == {"fold": [0], "n_train": [160], "n_test": [40]}
    assert found.params == {"cv": "split", "groups": None, "n_folds": 1}
    assert found.units is found.groups is None
    assert [fold.test.size for fold in folds(adata, np.int64(3)).folds] == [67, 67, 66]


@pytest.mark.parametrize("cv", ["spatial", "split", 3])
def test_property_margin_between_blocks(adata, cv):
    found = folds(adata, cv, block_size=25, buffer=6)
    xy = adata.obsm["spatial"]
    for fold in found.folds:
        assert nearest(xy, fold) >= 6
        assert not set(found.units[fold.train]) & set(found.units[fold.test])
    assert len(found.folds) == {"spatial": 5, "split": 1, 3: 3}[cv]


def test_property_groups(adata):
    slides = adata.obs["slide"].to_numpy()
    for cv in ("groups", "split", 2):
        for fold in folds(adata, cv, groups="slide").folds:
            assert not set(slides[fold.train]) & set(slides[fold.test])
    assert [set(slides[fold.test]) for fold in folds(adata, "groups", groups="slide").folds] == [{"s"}, {"t"}, {"u"}]


def test_property_slides_are_far_apart(adata):
    # without crops the groups are the slides
    xy, codes = adata.obsm["spatial"], pd.factorize(adata.obs["slide"])[0]
    found = folds(adata, "spatial", groups="slide", block_size=30, buffer=6)
    assert len(np.unique(found.units)) > 40
    for fold in found.folds:
        near = [nearest(xy[codes == code], _part(fold, codes == code)) for code in range(3)]
        assert min(near) >= 6 > nearest(xy, fold)
    # with them, images are: the margin holds within
    register(adata, images=np.where(codes == 0, "a", "b"))
    for fold in folds(adata, "spatial", groups="half", block_size=30, buffer=6).folds:
        for part in (codes == 0, codes > 0):
            assert nearest(xy[part], _part(fold, part)) >= 6


def _part(fold, chosen):
    place = np.cumsum(chosen) - 1
    return type(fold)(*(place[rows[chosen[rows]]] for rows in fold))


def test_property_some_cells_only(adata):
    register(adata, images=np.where(np.arange(200) % 2, "a", "b"))
    cells = np.arange(0, 200, 3)
    found = folds(adata, "spatial", cells=cells, groups="slide")
    alone = folds(adata[cells].copy(), "spatial", groups="slide")
    for fold, other in zip(found.folds, alone.folds, strict=True):
        np.testing.assert_array_equal(fold.train, other.train)
        np.testing.assert_array_equal(fold.test, other.test)
    np.testing.assert_array_equal(found.groups, alone.groups)


def test_property_positions_and_crops_of_another_modality(adata):
    rna = AnnData(obs=adata.obs[["slide"]])
    register(adata, images=np.where(np.arange(200) % 2, "a", "b"))
    expected = folds(adata, "spatial", seed=3)
    adata.obs = adata.obs.drop(columns="slide")
    mdata = MuData({"stain": adata, "rna": rna})
    found = folds(mdata, "spatial", rna, seed=3)
    assert [fold.train.tolist() for fold in found.folds] == [fold.train.tolist() for fold in expected.folds]
    assert folds(mdata, "groups", adata, groups="rna:slide").params["n_folds"] == 3


@pytest.mark.parametrize(
    ("cv", "options", "error", "match"),
    [
        ("random", {}, ValueError, "cv must be one of 'split', 'spatial', 'groups', got 'random'"),
        (1, {}, ValueError, "cv must be at least 2, got 1"),
        (2.5, {}, TypeError, "cv must be an integer, 'split', 'spatial' or 'groups'"),
        (True, {}, TypeError, "cv must be an integer"),
        (201, {}, ValueError, "There are 200 cells, fewer than the 201 needed for cv=201. Set another cv"),
        ("groups", {}, ValueError, "cv='groups' predicts each group in turn. Set groups to a column"),
        ("groups", {"groups": "plate"}, KeyError, "No 'plate' in .obs .*Set groups"),
        ("groups", {"groups": "one"}, ValueError, "There are 1 groups in groups='one', fewer than the 2 needed"),
        (4, {"groups": "slide"}, ValueError, "There are 3 groups in groups='slide', fewer than the 4 needed for cv=4"),
        ("groups", {"groups": "slide", "block_size": 5}, ValueError, "takes no block_size"),
        ("split", {"buffer": 5}, ValueError, "buffer=5 keeps blocks apart. Set cv='spatial', or leave it out"),
        ("spatial", {}, ValueError, "No crops are registered to take block_size and buffer from. Set them"),
        ("spatial", {"block_size": 20}, ValueError, "No crops are registered to take buffer from. Set it"),
        ("spatial", {"block_size": 0, "buffer": 0}, ValueError, "block_size must be a finite number above 0"),
        ("spatial", {"block_size": 20, "buffer": -1}, ValueError, "buffer must be a finite number of at least 0"),
        ("spatial", {"block_size": "big", "buffer": 1}, TypeError, "block_size must be a number"),
        (
            "spatial", {"block_size": 101, "buffer": 1}, ValueError,
            "There are 1 blocks of block_size=101, fewer than the 2 needed.* Set a smaller block_size",
        ),
        ("spatial", {"block_size": 30, "buffer": 99}, ValueError, "Nothing is left to fit or to predict in 5 of 5 folds"),
        ("spatial", {"spatial_key": "where"}, KeyError, "No 'where' in .obsm .*Set spatial_key"),
    ],
)  # fmt: skip
def test_error(adata, cv, options, error, match):
    with pytest.raises(error, match=match):
        folds(adata, cv, **options)
