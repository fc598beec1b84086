import anndata as ad
import numpy as np
import pandas as pd
import pytest

import crepr as cr

OPTIONS = {
    "markers": "membrane",
    "proteins": "protein",
    "image_key": "image",
    "width": 0.05,
    "max_epochs": 1,
    "progress": False,
}


@pytest.fixture(scope="module")
def trained():
    """Cells of three classes, whose protein lies in another corner each; an image is of one class."""
    rng = np.random.default_rng(0)
    code = np.arange(36) % 3
    stack = 0.05 * rng.random((36, 2, 16, 16))
    for corner, (y, x) in enumerate(((0, 0), (0, 8), (8, 8))):
        stack[code == corner, 0, y : y + 8, x : x + 8] += 1
    stack[:, 1, 4:12, 4:12] += 1
    labels = pd.Categorical.from_codes(code, ["a", "b", "c"])
    adata = ad.AnnData(obs=pd.DataFrame({"class": labels, "image": labels}, index=[f"cell {i}" for i in range(36)]))
    cr.pp.crops(adata, stack.astype(np.float32), axes="ncyx", channel_names=["protein", "membrane"])
    return adata, cr.tl.train_inpainting(adata, **OPTIONS)


def swap(trained, change=None, **options):
    adata, model = trained[0].copy(), trained[1]
    if change is not None:
        forward = model.network.forward
        model.network.forward = change
    try:
        cr.tl.inpainting_swap(adata, model, "class", n_targets=4, n_sources=3, progress=False, **options)
    finally:
        if change is not None:
            model.network.forward = forward
    return cr.get.inpainting_swap(adata), cr.get.inpainting_swap(adata, table="macro").iloc[0]


def output(protein):
    from crepr.models import Output

    return Output(z=protein, q={}, outputs={"protein": protein})


def test_anchor_a_network_that_copies_the_source_follows_it(trained):
    table, macro = swap(trained, lambda inputs: output(inputs["source"][:, :1]))
    assert len(table) == 9
    assert table["n_pairs"].unique().tolist() == [12]
    assert macro["follows"] == 1
    assert macro["r_source"] > 0.95
    assert macro["r_truth_own"] > 0.95
    # two corners of four
    assert macro["r_target"] == pytest.approx(-1 / 3, abs=0.02)
    assert macro["r_truth"] == pytest.approx(-1 / 3, abs=0.02)
    assert table.loc[table["target"] == table["source"], "follows"].isna().all()


def test_anchor_a_network_that_only_sees_markers_follows_the_target(trained):
    _, macro = swap(trained, lambda inputs: output(inputs["markers"]))
    assert macro["follows"] == 0.5
    assert macro["r_source"] == pytest.approx(1)
    assert macro["r_target"] == pytest.approx(1)
    # the same targets are drawn for all sources
    assert macro["r_truth"] == pytest.approx(macro["r_truth_own"])


def test_property_same_seed_same_table(trained):
    first, again, other = (swap(trained, rng=rng)[0] for rng in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_property_labels_that_make_no_difference_are_followed_by_half(trained):
    import torch

    def drawn(inputs):
        # of the pixels of the source's protein, none of which tells its label
        seed = int(inputs["source"].double().sum() * 1e6) % 2**31
        return output(torch.rand(len(inputs["source"]), 1, 16, 16, generator=torch.Generator().manual_seed(seed)))

    adata, model = trained[0].copy(), trained[1]
    forward, model.network.forward = model.network.forward, drawn
    try:
        cr.tl.inpainting_swap(adata, model, "class", n_targets=12, n_sources=3, progress=False)
    finally:
        model.network.forward = forward
    # 12 targets x 3 labels x 2 others x 3 sources, of which those of a target hang together
    assert cr.get.inpainting_swap(adata, table="macro")["follows"].item() == pytest.approx(0.5, abs=0.12)


def test_others_are_drawn_where_there_are_many_labels(trained):
    table, _ = swap(trained, n_others=1)
    counts = table.loc[table["target"] != table["source"]].groupby("target")["n_pairs"].sum()
    assert counts.tolist() == [12] * 3


def test_mudata_with_columns_of_another_modality_and_copy(trained, tmp_path):
    import mudata as md

    adata, model = trained[0].copy(), trained[1]
    rna = ad.AnnData(np.ones((36, 2)), obs=pd.DataFrame({"kind": adata.obs["class"]}))
    mdata = md.MuData({"stain": adata, "rna": rna})
    options = {"n_targets": 2, "n_sources": 2, "progress": False}
    made = cr.tl.inpainting_swap(mdata, model, "rna:kind", copy=True, **options)
    assert "inpainting_swap" not in mdata["stain"].uns
    cr.tl.inpainting_swap(mdata["stain"], model, "class", **options)
    table = cr.get.inpainting_swap(made)
    pd.testing.assert_frame_equal(table, cr.get.inpainting_swap(mdata["stain"]))
    made.write_h5mu(tmp_path / "cells.h5mu")
    pd.testing.assert_frame_equal(cr.get.inpainting_swap(md.read_h5mu(tmp_path / "cells.h5mu")), table)


def test_error(trained):
    adata, model = trained[0].copy(), trained[1]
    adata.obs["one"] = pd.Categorical(["a"] * 36)
    with pytest.raises(ValueError, match="groupby='one' must have at least two labels"):
        cr.tl.inpainting_swap(adata, model, "one")
    adata.obs["image"] = pd.Categorical(["a", "a", *["b"] * 34])
    adata.obs["rare"] = pd.Categorical(["x", "x", *["y"] * 34])
    with pytest.raises(
        ValueError, match=r"No image of 'image' with more than n_sources=4 cells shows 'x'.*Set n_sources lower"
    ):
        cr.tl.inpainting_swap(adata, model, "rare")
    with pytest.raises(ValueError, match="groupby='class' must be the same for all cells of an image"):
        cr.tl.inpainting_swap(adata, model, "class", image_key="rare")
    with pytest.raises(ValueError, match="n_sources"):
        cr.tl.inpainting_swap(adata, model, "class", n_sources=1)
    with pytest.raises(ValueError, match="n_others must be at least 1"):
        cr.tl.inpainting_swap(adata, model, "class", n_others=0)
    adata.uns["inpainting_swap"] = {"mine": 1}
    with pytest.raises(ValueError, match="inpainting_swap"):
        cr.tl.inpainting_swap(adata, model, "class")
