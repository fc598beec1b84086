"""Which modality an input comes from, and where the windows of transcripts lie."""

import anndata as ad
import mudata
import numpy as np
import pandas as pd
import pytest

import crepr as cr


def planes(data, model, **options):
    return cr.tl.reconstruct(data, model, cells=np.arange(12), **options)["inputs"]["transcripts"]


@pytest.fixture
def stack(tmp_path):
    """Crops from a stack, and molecules of the same cells somewhere in a large image."""
    rng = np.random.default_rng(0)
    cells = pd.Index([f"c{i}" for i in range(12)])
    adata = ad.AnnData(np.zeros((12, 1)), pd.DataFrame(index=cells), pd.DataFrame(index=["Actb"]))
    pixels = rng.uniform(size=(12, 1, 16, 16)).astype(np.float32)
    cr.pp.crops(adata, pixels, axes="ncyx", store=tmp_path / "stack.zarr")
    centre = np.repeat(rng.uniform(500, 600, (12, 2)), 5, axis=0)
    x, y = (centre + rng.uniform(-4, 4, centre.shape)).T
    molecules = pd.DataFrame({"x": x, "y": y, "gene": "Actb", "cell": np.repeat(cells, 5)})
    cr.pp.transcripts(adata, molecules, cell="cell", path=tmp_path / "stack.parquet", progress=False)
    return adata


@pytest.mark.parametrize("inputs", ["auto", "transcripts"])
def test_anchor_molecules_beside_a_stack_are_drawn(stack, train, inputs):
    model = train(stack, inputs=inputs, dilation=0, batch_size=12, max_epochs=1)
    drawn = planes(stack, model)
    assert drawn.shape == (12, 1, 16, 16)
    assert (drawn[:, 0].sum((1, 2)) >= 3).all()  # five, some in one pixel
    assert model.spec.view["windows"] == "molecules"


def two_stains(mdata):
    return mudata.MuData({**mdata.mod, "again": mdata["stain"].copy()})


@pytest.mark.parametrize("inputs", ["stain", "transcripts", "auto"])
def test_property_mod_names_the_modalities(mdata, train, inputs):
    both = two_stains(mdata)
    match = r"Several modalities have 'crops' in their \.obsm: 'stain', 'again'\. Set mod to those"
    with pytest.raises(ValueError, match=match):
        train(both, inputs=inputs)
    mod = ["rna", "stain"]
    model = train(both, inputs=inputs, mod=mod)
    train(mdata, inputs=inputs)
    owner = {"stain": "stain", "transcripts": "rna"}.get(inputs)
    found, expected = ((data if owner is None else data[owner]) for data in (both, mdata))
    np.testing.assert_array_equal(found.obsm["X_vae"], expected.obsm["X_vae"])
    with pytest.raises(ValueError, match=match):
        cr.tl.embed(both, model, progress=False)
    with pytest.raises(ValueError, match=match):
        cr.tl.reconstruct(both, model)
    cr.tl.embed(both, model, mod=mod, key_added="X_again", progress=False)
    np.testing.assert_array_equal(found.obsm["X_again"], found.obsm["X_vae"])
    assert cr.tl.reconstruct(both, model, mod=mod, cells=[0])


@pytest.mark.parametrize(
    ("mod", "error", "match"),
    [
        ("protein", KeyError, "No 'protein' in data.mod.*Set mod to one of them"),
        ([], TypeError, "mod must be the name of a modality or a list of names"),
        (3, TypeError, "mod must be the name of a modality or a list of names, got 3"),
        ("rna", KeyError, r"No 'crops' in data.mod\['rna'\].obsm \(there are: .*\). Run cr.pp.crops first"),
    ],
)
def test_error_mod(mdata, train, mod, error, match):
    with pytest.raises(error, match=match):
        train(mdata, inputs="stain", mod=mod)


def test_property_windows_are_those_of_training(mdata, train):
    model = train(mdata, inputs="transcripts")
    assert model.spec.view["windows"] == "crops"
    match = r"The model saw transcripts in the windows of crops, .* Give the MuData that holds their crops"
    for data, options in ((mdata["rna"], {}), (mdata, {"mod": "rna"})):
        with pytest.raises(ValueError, match=match):
            cr.tl.embed(data, model, progress=False, **options)
        with pytest.raises(ValueError, match=match):
            cr.tl.reconstruct(data, model, **options)


def test_property_windows_around_molecules_stay_so(mdata, train):
    model = train(mdata["rna"], size=16)
    assert model.spec.view["windows"] == "molecules"
    np.testing.assert_array_equal(planes(mdata, model), planes(mdata["rna"], model))
    latents = mdata["rna"].obsm["X_vae"]
    cr.tl.embed(mdata, model, progress=False)
    np.testing.assert_array_equal(mdata["rna"].obsm["X_vae"], latents)


def test_error_windows_of_a_stack(mdata, stack, train):
    rna = mdata["rna"][:, ["Actb"]].copy()
    rna.uns["transcripts"]["genes"] = np.array(["Actb"])
    model = train(mudata.MuData({"rna": rna, "stain": mdata["stain"]}), inputs="transcripts")
    with pytest.raises(ValueError, match="no crops that were cut from an image"):
        cr.tl.embed(stack, model, progress=False)


@pytest.mark.parametrize("inputs", ["transcripts", ["stain", "transcripts"]])
def test_error_crops_registered_in_other_pixels_after_the_transcripts(mdata, train, inputs):
    image = np.zeros((2, 320, 320), np.uint16)
    mdata["stain"].obsm["spatial"] = mdata["rna"].obsm["spatial"]
    with pytest.warns(UserWarning, match="Run cr.pp.transcripts again"):
        cr.pp.crops(mdata, image, size=16, axes="cyx", pixel_size=0.5, mod="stain")
    with pytest.raises(ValueError, match="registered in other pixels.*Run cr.pp.transcripts again"):
        train(mdata, inputs=inputs)


def test_property_a_view_becomes_an_object_without_a_word(adata, train):
    part = adata[::2]
    train(part, inputs="stain")
    assert not part.is_view
    assert part.obsm["X_vae"].shape == (20, 3)
    assert "X_vae" not in adata.obsm
