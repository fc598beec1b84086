import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from crepr.stats._folds import Fold, blocks, inner_folds, keep_away, make_folds

seeds = st.integers(0, 2**32 - 1)


def near(xy, fold, buffer, slides):
    """Whether each row to fit is nearer than the buffer to a row to predict, pair by pair."""
    gap = np.abs(xy[fold.train][:, None] - xy[fold.test][None]).max(-1)
    alike = slides[fold.train][:, None] == slides[fold.test][None]
    return ((gap < buffer) & alike).any(1)


def test_anchor_each_unit_in_turn():
    folds = make_folds(5, "each", units=np.array([7, 3, 7, 3, 9]))
    assert [fold.test.tolist() for fold in folds] == [[1, 3], [0, 2], [4]]
    assert [fold.train.tolist() for fold in folds] == [[0, 2, 4], [1, 3, 4], [0, 1, 2, 3]]


def test_anchor_blocks_are_squares_of_each_slide():
    xy = np.array([[0, 0], [9, 9], [10, 0], [0, 10], [0, 0], [25, 0]], dtype=float)
    assert blocks(xy, 10).tolist() == [0, 0, 2, 1, 0, 3]
    units = blocks(xy, 10, np.array([0, 0, 0, 0, 1, 0]))
    assert units[0] == units[1] != units[4]
    assert len(np.unique(units)) == 5


def test_anchor_margin_is_open_and_square():
    xy = np.array([[0.0, 0.0], [10.0, 0.0], [9.99, 9.99], [9.99, 10.0], [-9.0, 0.0]])
    fold = Fold(np.arange(1, 5), np.array([0]))
    # what touches does not overlap
    assert keep_away(fold, xy, 10).train.tolist() == [1, 3]


@settings(max_examples=10)
@given(seeds, st.integers(2, 6))
def test_reference_is_scikit_learn(seed, cv):
    n, labels = 57, np.random.default_rng(seed).permutation(np.arange(57) % 3)
    for fold, (train, test) in zip(
        make_folds(n, cv, seed=seed), KFold(cv, shuffle=True, random_state=seed).split(np.zeros(n)), strict=True
    ):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)
    expected = StratifiedKFold(cv, shuffle=True, random_state=seed).split(np.zeros(n), labels)
    for fold, (train, test) in zip(make_folds(n, cv, labels=labels, seed=seed), expected, strict=True):
        np.testing.assert_array_equal(fold.train, train)
        np.testing.assert_array_equal(fold.test, test)
    for stratify in (None, labels):
        (fold,) = make_folds(n, "split", labels=stratify, seed=seed)
        train, test = train_test_split(np.arange(n), test_size=0.2, random_state=seed, stratify=stratify)
        assert fold.train.tolist() == sorted(train)
        assert fold.test.tolist() == sorted(test)


@settings(max_examples=20)
@given(seeds, st.sampled_from([2, 3, 5, "split", "each"]), st.booleans(), st.integers(5, 12))
def test_property_units_are_never_divided(seed, cv, labelled, n_units):
    rng = np.random.default_rng(seed)
    units = np.r_[np.arange(n_units), rng.integers(0, n_units, 80)]
    labels = rng.integers(0, 2, len(units)) if labelled else None
    folds = make_folds(len(units), cv, units=units, labels=labels, seed=seed)
    for fold in folds:
        assert not set(units[fold.train]) & set(units[fold.test])
        assert sorted([*fold.train, *fold.test]) == list(range(len(units)))
    if cv != "split":
        assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(len(units)))


@pytest.mark.parametrize("n_units", [2, 3, 4])
def test_property_a_single_split_of_few_units(n_units):
    units = np.arange(40) % n_units
    (fold,) = make_folds(40, "split", units=units)
    assert len(fold.test) == 40 // n_units
    assert not set(units[fold.train]) & set(units[fold.test])


@given(seeds, st.floats(0.5, 40), st.integers(1, 3))
def test_reference_margin_pair_by_pair(seed, buffer, n_slides):
    rng = np.random.default_rng(seed)
    xy, slides = rng.uniform(0, 100, (60, 2)).round(), rng.integers(0, n_slides, 60)
    fold = make_folds(60, 3, units=blocks(xy, 30, slides), seed=seed)[0]
    kept = keep_away(fold, xy, buffer, slides)
    np.testing.assert_array_equal(kept.train, fold.train[~near(xy, fold, buffer, slides)])
    np.testing.assert_array_equal(kept.test, fold.test)


@settings(max_examples=30)
@given(seeds, st.sampled_from([2, 3, 5, "split", "each"]), st.sampled_from([0.0, 8.0, 30.0]), st.booleans())
def test_property_inner_folds_lie_inside(seed, cv, buffer, in_blocks):
    rng = np.random.default_rng(seed)
    xy = rng.uniform(0, 100, (90, 2))
    units = blocks(xy, 25) if in_blocks or cv == "each" else None
    folds = make_folds(90, cv, units=units, seed=seed)
    if buffer:
        folds = [fold for fold in (keep_away(fold, xy, buffer) for fold in folds) if len(fold.train) > 1]
    inner = inner_folds(folds, 90, units=units, seed=seed)
    assert len(inner) == len(folds)
    for fold, parts in zip(folds, inner, strict=True):
        assert parts
        tested = np.concatenate([part.test for part in parts])
        assert len(set(tested)) == len(tested)
        for part in parts:
            assert len(part.train)
            assert len(part.test)
            assert set(part.train) | set(part.test) <= set(fold.train)
            assert not set(part.train) & set(part.test)
            assert (np.diff(part.train) > 0).all()
            if units is not None and len(np.unique(units[fold.train])) > 1:
                assert not set(units[part.train]) & set(units[part.test])


def test_property_inner_folds_keep_the_margin():
    xy = np.random.default_rng(0).uniform(0, 100, (200, 2))
    units = blocks(xy, 20)
    folds = [keep_away(fold, xy, 5.0) for fold in make_folds(200, 5, units=units)]
    for parts in inner_folds(folds, 200, units=units):
        assert len(parts) == 4
        for part in parts:
            assert not near(xy, part, 5.0, np.zeros(200)).any()


def test_property_inner_folds_of_a_single_unit_divide_it():
    folds = make_folds(40, "each", units=np.arange(40) % 2)
    for fold, parts in zip(folds, inner_folds(folds, 40, units=np.arange(40) % 2), strict=True):
        assert sorted(np.concatenate([part.test for part in parts])) == fold.train.tolist()
