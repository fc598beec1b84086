import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, recall_score, roc_auc_score

from crepr.stats._classification_scores import classification_scores, macro_scores


def test_anchor_by_hand():
    codes, predicted = np.array([0, 0, 0, 1, 1]), np.array([0, 0, 1, 1, 0])
    scores = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.4, 0.6], [0.6, 0.4]])
    table = classification_scores(codes, predicted, scores)
    assert table["n_cells"].tolist() == [3, 2]
    assert table["recall"].tolist() == pytest.approx([2 / 3, 1 / 2])
    assert table["balanced_accuracy"].tolist() == pytest.approx([7 / 12] * 2)
    # of six pairs, two are in the wrong order
    assert table["auc"].tolist() == pytest.approx([4 / 6] * 2)


def test_anchor_labels_never_seen_or_never_given():
    codes, scores = np.array([0, 0, 2, 2]), np.tile([0.5, 0.2, 0.3], (4, 1))
    table = classification_scores(codes, np.zeros(4, int), scores)
    np.testing.assert_array_equal(table["recall"], [1, np.nan, 0])
    # all named alike: one half
    np.testing.assert_array_equal(table["balanced_accuracy"], [0.5, np.nan, 0.5])
    np.testing.assert_array_equal(table["auc"], [0.5, np.nan, 0.5])
    alone = classification_scores(np.zeros(4, int), np.zeros(4, int), scores)
    assert alone[["balanced_accuracy", "auc"]].isna().to_numpy().all()


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1))
def test_reference_is_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    codes, scores = rng.permutation(np.arange(40) % 4), rng.random((40, 4)).round(1)
    predicted = scores.argmax(1)
    table = classification_scores(codes, predicted, scores)
    np.testing.assert_allclose(table["recall"], recall_score(codes, predicted, average=None, zero_division=0))
    for label, row in table.iterrows():
        assert row["balanced_accuracy"] == pytest.approx(balanced_accuracy_score(codes == label, predicted == label))
        assert row["auc"] == pytest.approx(roc_auc_score(codes == label, scores[:, label]))
    macro = macro_scores([table]).iloc[0]
    assert macro["recall"] == pytest.approx(balanced_accuracy_score(codes, predicted))
    assert macro["accuracy"] == pytest.approx((codes == predicted).mean())
    scores /= scores.sum(1, keepdims=True)
    expected = roc_auc_score(codes, scores, multi_class="ovr")
    assert macro_scores([classification_scores(codes, predicted, scores)])["auc"][0] == pytest.approx(expected)


def test_property_order_of_cells_and_of_labels_do_not_matter(rng):
    codes, scores = np.arange(30) % 3, rng.random((30, 3))
    expected = classification_scores(codes, scores.argmax(1), scores)
    order, turn = rng.permutation(30), np.array([2, 0, 1])
    pd.testing.assert_frame_equal(classification_scores(codes[order], scores.argmax(1)[order], scores[order]), expected)
    turned = scores[:, np.argsort(turn)]
    found = classification_scores(turn[codes], turned.argmax(1), turned)
    pd.testing.assert_frame_equal(found.loc[turn].reset_index(drop=True), expected)
