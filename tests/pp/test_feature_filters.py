import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycytominer_choice import removed

from crepr.pp._feature_filters import BLOCKLIST, blocked, far_out, often_missing, rarely_varying, read_blocklist

seeds = st.integers(0, 2**32 - 1)


def table(seed, n=120, p=40):
    """Columns with few and many values, a tail, and holes."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, p)).round(rng.integers(0, 3)) * 10.0 ** rng.integers(-2, 4, p)
    x[rng.random((n, p)) < rng.choice([0, 0.9, 0.97, 1], p)] = 0
    x[rng.random((n, p)) < rng.choice([0, 0.04, 0.06], p)] = np.nan
    return x


def test_anchor_rarely_varying():
    many, few = np.arange(200.0), np.arange(200.0) % 2
    mostly = np.where(np.arange(200) < 195, 0.0, 1.0)  # 5 beside 195: 0.026
    x = np.stack([many, few, mostly, np.full(200, 3.0), np.full(200, np.nan)], axis=1)
    assert rarely_varying(x, freq_cut=0.05, unique_cut=0.01).tolist() == [False, False, True, True, True]
    assert rarely_varying(x, freq_cut=0.02, unique_cut=0.02).tolist() == [False, True, True, True, True]
    assert not rarely_varying(x, freq_cut=0, unique_cut=0).any()


def test_anchor_often_missing_and_far_out():
    x = np.ones((20, 3))
    x[0, 1] = np.nan
    x[:2, 2] = np.nan
    assert often_missing(x, na_cutoff=0.05).tolist() == [False, False, True]
    assert often_missing(x, na_cutoff=0).tolist() == [False, True, True]
    x[3] = 500, -501, 501
    assert far_out(x, outlier_cutoff=500).tolist() == [False, True, True]


def test_anchor_blocked():
    names = ["cell_Granularity_1_DAPI", "cell_Granularity_14_DAPI", "cell_Correlation_RWC_1_a|b", "[odd]"]
    assert blocked(names, BLOCKLIST).tolist() == [False, True, True, False]
    assert blocked(names, ["[odd]", "cell_Granularity_1_DAPI"]).tolist() == [True, False, False, True]
    assert blocked([], BLOCKLIST).shape == (0,)


def test_anchor_read_blocklist(tmp_path):
    path = tmp_path / "names.txt"
    path.write_text("one\n\n *_two \n")
    assert read_blocklist(path) == read_blocklist(str(path)) == ["one", "*_two"]
    assert read_blocklist("one") == ["one"]
    assert read_blocklist(("one", "two")) == ["one", "two"]
    assert read_blocklist(None) == list(BLOCKLIST)


@settings(max_examples=20)
@given(seeds)
def test_reference_is_pycytominer(seed):
    x = table(seed)
    for freq_cut, unique_cut in ((0.05, 0.01), (0.3, 0.1), (0, 0.2)):
        expected = removed(x, "frequency_threshold", freq_cut=freq_cut, unique_cut=unique_cut)
        np.testing.assert_array_equal(rarely_varying(x, freq_cut=freq_cut, unique_cut=unique_cut), expected)
    for cutoff in (0, 0.05):
        np.testing.assert_array_equal(
            often_missing(x, na_cutoff=cutoff), removed(x, "drop_na_columns", na_cutoff=cutoff)
        )
    np.testing.assert_array_equal(far_out(x, outlier_cutoff=500), removed(x, "drop_outliers"))


@given(seeds)
def test_property_order_of_cells_does_not_matter(seed):
    x = table(seed)
    shuffled = np.random.default_rng(seed).permutation(x)
    options = {"freq_cut": 0.05, "unique_cut": 0.01}
    np.testing.assert_array_equal(rarely_varying(x, **options), rarely_varying(shuffled, **options))


def test_error_of_a_path_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_blocklist(tmp_path / "nowhere.txt")
