import numpy as np
import pandas as pd
import pytest
from anndata import AnnData
from matplotlib.colors import to_hex
from mudata import MuData

from crepr import pl
from crepr.pl._style import BLUE, GREY, VERMILION

NAMES = ["A|B", "A|C", "B|C"]


def table(levels=None):
    rows = []
    for place, name in enumerate(NAMES):
        for space in ("latent", "input", "control"):
            for score, value in (("l2", [3.0, 1, 2][place]), ("r2", [-4.0, 0.9, 0.5][place])):
                tested = space != "control"
                rows.append(
                    {
                        "combination": name, "space": space, "score": score, "value": value, "ci_low": value - 0.5, "ci_high": value + 0.2,
                        "null_mean": 4.0 if tested else np.nan, "null_sd": 1.0, "null_low": 3.5, "null_high": 4.5,
                        "zscore": place - 3.0, "pval": 0.01, "pval_adj": ([0.2, 0.01, 0.03][place] if tested and score == "l2" else np.nan),
                    }
                )  # fmt: skip
    found = pd.DataFrame(rows)
    if levels is not None:
        found.insert(1, "level", levels)
    return found


def calls(levels=None):
    found = pd.DataFrame({"combination": NAMES, "adds_up": [False, True, False]})
    return found if levels is None else found.assign(level=levels)


@pytest.fixture
def adata():
    return AnnData(uns={key: {"results": table(), "combinations": calls()} for key in ("latent_arithmetic", "other")})


def points(ax):
    """Colour -> x and y of the marks."""
    found = {}
    for line in ax.get_lines():
        if line.get_marker() in ("o", ">", "^", "<"):
            marks = zip(line.get_xdata(), line.get_ydata(), strict=True)
            found.setdefault(to_hex(line.get_color()), []).extend(marks)
    return found


def test_anchor_rows_colours_and_chance(adata):
    fig = pl.latent_arithmetic(adata, spaces=["latent", "input", "control"])
    assert [ax.get_title(loc="left") for ax in fig.axes] == ["latent", "input", "control"]
    ax = fig.axes[0]
    # the smallest distance is at the top
    assert [text.get_text() for text in ax.get_yticklabels()] == ["A|C", "B|C", "A|B"]
    assert points(ax) == {VERMILION.lower(): [(1, 0), (2, 1)], to_hex(GREY): [(3, 2)]}
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(3.5, 1)] * 3
    (segments,) = [part.get_segments() for part in ax.collections if to_hex(part.get_color()[0]) == VERMILION.lower()]
    np.testing.assert_allclose(segments[0][:, 0], [0.5, 1.2])
    # nothing is told of what is not tested
    assert points(fig.axes[2]) == {BLUE.lower(): [(1, 0), (2, 1), (3, 2)]}
    assert not fig.axes[2].patches
    assert [text.get_text() for text in fig.legends[0].get_texts()] == [
        "adjusted p ≤ 0.05", "adjusted p > 0.05", "95 % of permuted labels", "not tested", "adds up in latents", "not found to",
    ]  # fmt: skip


def test_anchor_what_adds_up_is_filled(adata):
    for ax in pl.latent_arithmetic(adata, spaces=["latent", "control"]).axes:
        marks = [line for line in ax.get_lines() if line.get_marker() == "o"]
        filled = {y for line in marks for y in line.get_ydata() if line.get_markerfacecolor() != "white"}
        # A|C, at the top
        assert filled == {0}
        assert sum(len(line.get_ydata()) for line in marks) == 3


def test_anchor_r2_takes_p_of_l2_and_ends_at_the_edge(adata):
    ax = pl.latent_arithmetic(adata, score="r2", spaces="latent", alpha=0.02).axes[0]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["A|C", "B|C", "A|B"]
    assert ax.get_xlim() == (-1.1, 1.1)
    assert points(ax)[VERMILION.lower()] == [(0.9, 0)]
    (edge,) = [line for line in ax.get_lines() if line.get_marker() == "<"]
    assert (edge.get_xdata().tolist(), edge.get_ydata().tolist()) == ([-1], [2])


def test_anchor_chosen_and_levels(adata):
    fig = pl.latent_arithmetic(adata, combinations=["A|B", "A|C"])
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["A|C", "A|B"]
    fig = pl.latent_arithmetic(adata, n_combinations=1)
    assert [text.get_text() for text in fig.axes[0].get_yticklabels()] == ["A|C"]
    for levels, shown in ((10 / 3, "A|C at 3.33"), ("high", "A|C at high")):
        adata.uns["latent_arithmetic"] = {"results": table(levels), "combinations": calls(levels)}
        assert pl.latent_arithmetic(adata).axes[0].get_yticklabels()[0].get_text() == shown


def test_anchor_levels_that_are_nearly_alike(adata):
    levels = (3.3333, 3.3331)
    adata.uns["latent_arithmetic"] = {
        "results": pd.concat([table(level) for level in levels], ignore_index=True),
        "combinations": pd.concat([calls(level) for level in levels], ignore_index=True),
    }
    names = [text.get_text() for text in pl.latent_arithmetic(adata).axes[0].get_yticklabels()]
    assert set(names) == {f"{name} at {level}" for name in NAMES for level in levels}
    # another result has the same names, though fewer digits would do there
    adata.uns["other"] = {"results": table(levels[0]), "combinations": calls(levels[0])}
    ax = pl.latent_arithmetic(adata, ["latent_arithmetic", "other"]).axes[0]
    assert sorted(text.get_text() for text in ax.texts if text.get_text()) == [f"{name} at 3.3333" for name in NAMES]


def test_anchor_modalities_with_the_same_key(adata):
    other = adata.copy()
    other.uns["latent_arithmetic"]["results"]["value"] /= 2
    mdata = MuData({"cp": adata, "rna": other})
    for mod, part in (("cp", adata), ("rna", other)):
        found = pl.latent_arithmetic(mdata, f"{mod}:latent_arithmetic").axes[0]
        assert points(found) == points(pl.latent_arithmetic(part).axes[0])
    ax = pl.latent_arithmetic(mdata, ["cp:latent_arithmetic", "rna:latent_arithmetic"], score="r2").axes[0]
    assert ax.get_ylabel() == "rna:latent_arithmetic\nlatent, R² of the change"
    with pytest.raises(ValueError, match="Several modalities have 'latent_arithmetic'"):
        pl.latent_arithmetic(mdata)


def test_anchor_two_results(adata):
    other = adata.uns["other"]["results"]
    other.loc[other["combination"] == "A|C", "pval_adj"] = 0.5
    other["zscore"] = -1.0
    fig = pl.latent_arithmetic(adata, {"latent_arithmetic": "deep", "other": "flat"})
    (ax,) = fig.axes
    assert points(ax) == {VERMILION.lower(): [(-1, -1)], BLUE.lower(): [(-2, -1)], to_hex("0.6"): [(-3, -1)]}
    assert [text.get_text() for text in fig.legends[0].get_texts()] == ["both", "deep only", "neither"]
    assert sorted(text.get_text() for text in ax.texts if text.get_text()) == NAMES
    assert ax.get_xlabel() == "deep\nlatent, z of L2 to the truth"
    ax = pl.latent_arithmetic(adata, ["latent_arithmetic", "other"], score="r2").axes[0]
    assert ax.get_ylabel() == "other\nlatent, R² of the change"


def test_error(adata):
    with pytest.raises(KeyError, match="Run cr.tl.latent_arithmetic first"):
        pl.latent_arithmetic(adata, "mine")
    with pytest.raises(KeyError, match="No 'A|D' in the combinations predicted"):
        pl.latent_arithmetic(adata, combinations="A|D")
    with pytest.raises(ValueError, match="combinations names none"):
        pl.latent_arithmetic(adata, combinations=[])
    with pytest.raises(ValueError, match="spaces must be one of 'latent', 'input', 'control', got 'umap'"):
        pl.latent_arithmetic(adata, spaces="umap")
    with pytest.raises(ValueError, match="keys one result or two"):
        pl.latent_arithmetic(adata, spaces=[])
    with pytest.raises(ValueError, match="score must be one of"):
        pl.latent_arithmetic(adata, score="mse")
    for part in ("results", "combinations"):
        adata.uns["other"][part] = (
            adata.uns["other"][part]
            .assign(combination="D|E")
            .drop_duplicates(["combination", *(["space", "score"] if part == "results" else [])])
        )
    with pytest.raises(ValueError, match="share no combination"):
        pl.latent_arithmetic(adata, ["latent_arithmetic", "other"])
