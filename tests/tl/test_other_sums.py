from itertools import combinations, permutations

import numpy as np
import pandas as pd
import pytest

from crepr.tl import _other_sums
from crepr.tl._arithmetic_plan import plan_arithmetic
from crepr.tl._arithmetic_spaces import Representation, Space
from crepr.tl._combinations import Combination
from crepr.tl._other_sums import other_sums

NAMES = list("ABCDEF")


def decode(rows):
    return np.tanh(rows @ np.arange(12).reshape(2, 6)[:, ::-1] / 10) + rows[:, :1] ** 2


def problem(wanted, *, names=NAMES, match=None, directions=(), seed=0):
    """Rows of control, of terms and of combinations; each of the truth is noise."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array(["DMSO", *names, *wanted], object), 4)
    found = [Combination(name, (name,), terms) for name, terms in wanted.items()]
    if match is not None:
        match = match(labels)
    plan = plan_arithmetic(found, labels, control="DMSO", directions=directions, match=match, shown=None)
    rows = rng.normal(size=(len(labels), 2))
    added = plan.steps @ rng.normal(size=(len(directions), 2))
    space = Space(plan.coefficients, added, np.ones(len(plan.combinations), bool))
    truth = decode(rng.normal(size=(len(plan.combinations), 2)))
    weights = rng.uniform(0.5, 2, len(labels))
    return plan, Representation(rows, decode, {"latent": space}), truth, weights


def run(plan, item, truth, weights, seed=0):
    return other_sums(plan, item, truth, weights=weights, seed=seed).to_numpy().tolist()


def by_hand(number, ways, plan, item, truth, weights):
    """Count nearer sums of a combination one by one, among `ways`, each from group to coefficient."""
    means = {
        group: np.average(item.rows[plan.codes == code], axis=0, weights=weights[plan.codes == code])
        for code, group in enumerate(plan.groups)
    }

    def distance(way):
        total = sum(value * means[group] for group, value in way.items())
        return np.linalg.norm(decode((total + item.spaces["latent"].added[number])[None])[0] - truth[number])

    own = {group: value for group, value in zip(plan.groups, plan.coefficients[number], strict=True) if value}
    others = {frozenset(way.items()) for way in ways} - {frozenset(own.items())}
    return [len(others), sum(distance(dict(way)) < distance(own) for way in others)]


def pairs(names, control, level=None):
    return [{(a, level): 1.0, (b, level): 1.0, ("DMSO", None): control} for a, b in combinations(names, 2)]


@pytest.mark.parametrize("block", [None, 7])
def test_reference_pairs_one_by_one(monkeypatch, block):
    if block is not None:
        monkeypatch.setattr(_other_sums, "BLOCK", block)
    wanted = {f"{a}|{b}": {a: 1.0, b: 1.0, "DMSO": -1.0} for a, b in (("A", "B"), ("C", "D"), ("E", "F"), ("B", "F"))}
    found = problem(wanted)
    expected = [by_hand(number, pairs(NAMES, -1.0), *found) for number in range(4)]
    assert run(*found) == expected
    assert [n for n, _ in expected] == [14] * 4
    assert len({nearer for _, nearer in expected}) > 1


def test_reference_other_coefficients_and_directions():
    wanted = {
        "A|B": {"A": 1.0, "B": 0.5, "DMSO": -0.5},
        "A aged": {"A": 1.0, "age": 3.0},
        "three": {"D": 1.0, "C": 1.0, "E": -1.0},
        "age alone": {"age": 1.0, "DMSO": 1.0},
    }
    found = problem(wanted, names=list("ABCDE"), directions=["age"])
    groups = [(name, None) for name in "ABCDE"]
    control = ("DMSO", None)
    ways = [
        [{a: 1.0, b: 0.5, control: -0.5} for a, b in permutations(groups, 2)],
        [{a: 1.0} for a in groups],
        [{a: 1.0, b: 1.0, c: -1.0} for a, b, c in permutations(groups, 3)],
        [],
    ]
    expected = [by_hand(number, each, *found) for number, each in enumerate(ways)]
    assert run(*found) == expected
    assert [n for n, _ in expected] == [5 * 4 - 1, 4, 5 * 3 * 2 - 1, 0]


def test_reference_levels_and_combinations_that_are_terms():
    def match(labels):
        return pd.Categorical(np.where(np.arange(len(labels)) % 2, "high", "low"))

    wanted = {
        "A|B": {"A": 1.0, "B": 1.0, "DMSO": -1.0},
        "A|B|C": {"A|B": 1.0, "C": 1.0, "DMSO": -1.0},
    }
    found = problem(wanted, names=list("ABC"), match=match)
    plan = found[0]
    assert plan.names == ["A|B at high", "A|B at low", "A|B|C at high", "A|B|C at low"]
    expected = [
        by_hand(number, pairs(["A", "B", "C", *(["A|B"] if number > 1 else [])], -1.0, level), *found)
        for number, level in enumerate(plan.levels)
    ]
    # the combination itself cannot be a term
    assert [n for n, _ in expected] == [2, 2, 5, 5]
    assert run(*found) == expected


def test_anchor_no_others():
    assert run(*problem({"A|B": {"A": 1.0, "B": 1.0, "DMSO": -1.0}}, names=list("AB"))) == [[0, 0]]


def test_property_drawn_are_as_all(monkeypatch):
    names = [f"t{k}" for k in range(12)]
    terms = {"t0": 1.0, "t1": 1.0, "t2": 1.0, "DMSO": -2.0}
    found = problem({"one": terms, "rest": dict.fromkeys(names, 1.0)}, names=names)
    every = run(*found)[0]
    assert every[0] == 12 * 11 * 10 // 6 - 1
    # one less than there are, and far less
    for most in (218, 60):
        monkeypatch.setattr(_other_sums, "MOST", most)
        drawn = run(*found)[0]
        assert drawn[0] == most
        assert abs(drawn[1] / most - every[1] / every[0]) < 0.2
        assert run(*found)[0] == drawn
    assert run(*found, seed=1)[0] != drawn


def test_property_draws_are_even(monkeypatch):
    monkeypatch.setattr(_other_sums, "MOST", 20_000)
    found = _other_sums._drawn(5, (2, 1), np.random.default_rng(0))
    assert (found[:, 0] < found[:, 1]).all()
    ways, counts = np.unique(found, axis=0, return_counts=True)
    assert len(ways) == 10 * 3
    np.testing.assert_allclose(counts, 20_000 / 30, rtol=0.2)
