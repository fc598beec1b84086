import numpy as np
import pandas as pd
import pytest

from crepr.tl._adds_up import adds_up

# p, value of R2, and the lower end of its interval
CASES = {
    "sum": (0.01, 0.9, 0.8),
    "too far from it": (0.01, 0.5, 0.4),
    "perhaps too far": (0.01, 0.8, 0.7),
    "no better than others": (0.06, 0.9, 0.8),
    "without a p": (np.nan, 0.9, 0.8),
    "change that may be nothing": (0.01, 0.9, -np.inf),
    "without a change": (0.01, np.nan, np.nan),
    "at both bounds": (0.05, 0.75, 0.75),
}


def table():
    """In random order, with another space in which all add up."""
    rows = []
    for number, (p, value, low) in enumerate(CASES.values()):
        rows += [
            {"combination": number, "space": "latent", "score": "r2", "value": value, "ci_low": low},
            {"combination": number, "space": "latent", "score": "l2", "value": 3.0, "ci_low": 2.0, "pval_adj": p},
            {
                "combination": number,
                "space": "latent",
                "score": "cosine",
                "value": 1.0,
                "ci_low": 0.9,
                "pval_adj": 0.01,
            },
            {"combination": number, "space": "input", "score": "r2", "value": 1.0, "ci_low": 1.0},
            {"combination": number, "space": "input", "score": "l2", "value": 0.1, "ci_low": 0.1, "pval_adj": 0.001},
        ]
    return pd.DataFrame(rows).sample(frac=1, random_state=0)


def called(**options):
    found = adds_up(table(), **{"alpha": 0.05, "least_r2": 0.75, "with_intervals": True, **options})
    assert found.dtype == bool
    return {name for name, is_called in zip(CASES, found, strict=True) if is_called}


def test_anchor():
    assert called() == {"sum"}
    assert called(with_intervals=False) == {"sum", "perhaps too far", "change that may be nothing"}
    assert called(least_r2=0.3) == {"sum", "too far from it", "perhaps too far", "at both bounds"}
    assert called(alpha=0.1) == {"sum", "no better than others"}
    assert called(least_r2=1.0) == set()


@pytest.mark.parametrize("least_r2", [0.0, 0.5, 0.75])
def test_property_intervals_only_take_away(least_r2):
    assert called(least_r2=least_r2) <= called(least_r2=least_r2, with_intervals=False)
