import anndata
import numpy as np
import pandas as pd
import pytest
import zarr
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from crepr import datasets, get
from crepr.get._crop_reader import crop_reader

TRUTH = ["class", "true_angle", "true_eccentricity", "true_polarity", "true_brightness", "true_area"]


@pytest.fixture(scope="module")
def adata(tmp_path_factory):
    return datasets.synthetic_cells(1000, path=tmp_path_factory.mktemp("cells"), rng=1)


@pytest.fixture(scope="module")
def pictures(adata):
    """Crops of the registered size, and masks."""
    return get.crops(adata, scaled=False).astype(float) - 300, get.masks(adata) == 1


def accuracy_of(features, classes):
    model = make_pipeline(StandardScaler(), KNeighborsClassifier(15))
    return balanced_accuracy_score(classes, cross_val_predict(model, features, classes, cv=4))


def moments(weights):
    """Centroid, (x, y) with y up, and covariance of pictures."""
    place = np.arange(weights.shape[-1]) - (weights.shape[-1] - 1) / 2
    x, y = np.broadcast_to(place, weights.shape), np.broadcast_to(-place[:, None], weights.shape)
    total = weights.sum((1, 2))
    mean = np.stack([(weights * axis).sum((1, 2)) / total for axis in (x, y)], axis=1)
    dx, dy = x - mean[:, 0, None, None], y - mean[:, 1, None, None]
    covariance = [[(weights * a * b).sum((1, 2)) / total for b in (dx, dy)] for a in (dx, dy)]
    return mean, np.moveaxis(np.array(covariance), 2, 0)


def test_anchor_what_is_there(adata, pictures):
    crops, masks = pictures
    assert adata.shape == (1000, 2)
    assert adata.var_names.tolist() == ["membrane", "protein"]
    assert adata.obs.columns.tolist() == TRUTH
    assert adata.obs["class"].value_counts().to_dict() == dict.fromkeys(
        ["diffuse", "puncta", "stripes", "periphery"], 250
    )
    assert crops.shape == (1000, 2, 64, 64)
    # of larger pictures the middle is read, and around it there are pixels, not zeros
    assert zarr.open_array(adata.obsm["crops"]["image"].cat.categories[0], mode="r").shape == (1000, 2, 94, 94)
    whole = crop_reader(adata).read(np.arange(5), margin=15)
    assert whole.shape == (5, 2, 94, 94)
    np.testing.assert_array_equal(whole[:, :, 15:79, 15:79], crops[:5] + 300)
    assert (whole > 0).all()
    # cells lie in the window as a whole, whatever their size
    np.testing.assert_array_equal(adata.obs["true_area"], masks.sum((-2, -1)).ravel())


def test_anchor_means_are_those_of_the_masks(adata, pictures):
    crops, masks = pictures
    masks = masks.reshape(-1, 1, 64, 64)
    expected = (crops * masks).sum((2, 3)) / masks.sum((2, 3)) + 300
    np.testing.assert_allclose(adata.X, expected, rtol=1e-5)


def test_reference_moments_of_the_pictures_tell_the_truth(adata, pictures):
    crops, masks = pictures
    mean, covariance = moments(masks.reshape(-1, 64, 64).astype(float))
    values, vectors = np.linalg.eigh(covariance)
    axis = np.rad2deg(np.arctan2(vectors[:, 1, 1], vectors[:, 0, 1]))
    difference = (axis - adata.obs["true_angle"].to_numpy() + 90) % 180 - 90
    assert np.median(np.abs(difference)) < 3
    assert np.quantile(np.abs(difference), 0.95) < 12
    eccentricity = np.sqrt(1 - values[:, 0] / values[:, 1])
    assert np.corrcoef(eccentricity, adata.obs["true_eccentricity"])[0, 1] > 0.8
    # the heavy side is that of the angle, the more the stronger the gradient
    heavy, _ = moments(crops[:, 0] * masks.reshape(-1, 64, 64))
    angle = np.deg2rad(adata.obs["true_angle"].to_numpy())
    along = ((heavy - mean) * np.stack([np.cos(angle), np.sin(angle)], 1)).sum(1)
    assert (along > 0).mean() > 0.99
    assert np.corrcoef(along / np.sqrt(values[:, 1]), adata.obs["true_polarity"])[0, 1] > 0.9


def test_property_truths_are_independent(adata):
    angle = np.deg2rad(adata.obs["true_angle"].to_numpy())
    truth = adata.obs[TRUTH[2:]].assign(cos=np.cos(angle), sin=np.sin(angle), two=np.cos(2 * angle))
    truth = truth.join(pd.get_dummies(adata.obs["class"], dtype=float).iloc[:, 1:])
    found = np.abs(truth.corr(method="spearman").to_numpy() - np.eye(truth.shape[1]))
    # classes exclude each other
    assert found[:-3].max() < 0.12
    assert np.quantile(adata.obs["true_area"], 0.99) / np.quantile(adata.obs["true_area"], 0.01) > 3.5


def test_property_means_do_not_tell_the_class_but_patterns_do(adata, pictures):
    crops, masks = pictures
    classes, inside = adata.obs["class"], masks.reshape(-1, 64, 64)
    assert accuracy_of(adata.X, classes) < 0.33
    assert accuracy_of(np.column_stack([crops.mean((2, 3)), adata.obs["true_area"]]), classes) < 0.33
    protein = crops[:, 1] * inside
    mean = protein.sum((1, 2)) / inside.sum((1, 2))
    spread = np.sqrt(((protein - mean[:, None, None]) ** 2 * inside).sum((1, 2)) / inside.sum((1, 2))) / mean
    wide = [np.trace(moments(picture)[1], axis1=1, axis2=2) for picture in (protein, inside.astype(float))]
    assert accuracy_of(np.column_stack([spread, wide[0] / wide[1]]), classes) > 0.7


def test_anchor_contrast_is_the_share_in_the_pattern():
    # of the mean over the nucleus to that over the cell, the part that the pattern adds
    def lift(contrast):
        adata = datasets.synthetic_cells(60, patterns=["nucleus", "diffuse"], nucleus=True, contrast=contrast)
        crops = get.crops(adata, scaled=False).astype(float) - 300
        nuclei = crops[:, 2] > 0.5 * crops[:, 2].max((1, 2), keepdims=True)
        cells = get.masks(adata).reshape(-1, 64, 64) == 1
        ratio = [(crops[:, 1] * where).sum((1, 2)) / where.sum((1, 2)) for where in (nuclei, cells)]
        return (ratio[0] / ratio[1])[(adata.obs["class"] == "nucleus").to_numpy()].mean() - 1

    assert lift(0.6) / lift(0.3) == pytest.approx(2, rel=0.1)


def test_property_same_seed_same_data_and_files_are_replaced(tmp_path):
    first = datasets.synthetic_cells(40, size=20, n_classes=5, path=tmp_path, rng=5)
    pixels = get.crops(first)
    again = datasets.synthetic_cells(40, size=20, n_classes=5, path=tmp_path, rng=np.random.default_rng(5))
    np.testing.assert_array_equal(pixels, get.crops(again))
    pd.testing.assert_frame_equal(first.obs, again.obs)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cells.zarr"]
    other = datasets.synthetic_cells(40, size=20, margin=0, path=tmp_path, rng=6)
    assert zarr.open_array(other.obsm["crops"]["image"].cat.categories[0], mode="r").shape == (40, 2, 20, 20)


def screen_of(path, **options):
    names = ["puncta", "nucleus", "polar"]
    return datasets.synthetic_cells(600, patterns=names, n_images=24, nucleus=True, path=path, rng=2, **options)


@pytest.fixture(scope="module")
def screen(tmp_path_factory):
    return screen_of(tmp_path_factory.mktemp("screen"))


def test_anchor_cells_of_an_image_share_pattern_and_staining(screen):
    assert screen.var_names.tolist() == ["membrane", "protein", "nucleus"]
    assert screen.obs.columns.tolist() == [
        "class", "image", *TRUTH[1:-1], "true_nucleus_along", "true_nucleus_across", "true_area"
    ]  # fmt: skip
    assert screen.obs["class"].cat.categories.tolist() == ["puncta", "nucleus", "polar"]
    images = screen.obs.groupby("image", observed=True)
    assert images.size().to_dict() == {f"image_{i + 1:02d}": 25 for i in range(24)}
    # dealt in turn
    assert images["class"].nunique().max() == 1
    assert images["class"].first().tolist() == ["puncta", "nucleus", "polar"] * 8
    log = np.log(screen.obs["true_brightness"])
    between = log.groupby(screen.obs["image"], observed=True).mean()
    assert np.std(log - between[screen.obs["image"]].to_numpy()) == pytest.approx(0.25, rel=0.1)
    assert np.std(between) == pytest.approx(0.3, rel=0.4)
    # what is not of the image varies as much within as between
    for name in ("true_area", "true_eccentricity", "true_polarity"):
        ranks = screen.obs[name].rank()
        means = ranks.groupby(screen.obs["image"], observed=True).mean()
        assert np.std(means) < 1.6 * np.std(ranks) / 5
    found = screen.X[:, 1] - 300
    assert np.corrcoef(np.log(found), log)[0, 1] > 0.98


def light_from(screen, channel, name):
    """Distance of the light of a channel, above the cell's mean, from where the nucleus lies, in cells of a pattern."""
    cells = screen[screen.obs["class"] == name]
    crops, masks = get.crops(cells, channels=[channel], scaled=False)[:, 0].astype(float), get.masks(cells) == 1
    masks = masks.reshape(-1, 64, 64)
    mean = (crops * masks).sum((1, 2)) / masks.sum((1, 2))
    centre = moments(masks.astype(float))[0]
    light = moments(np.maximum(crops - 1.2 * mean[:, None, None], 0) * masks)[0]
    half = np.sqrt(cells.obs["true_area"] / np.pi / np.sqrt(1 - cells.obs["true_eccentricity"] ** 2))
    angle = np.deg2rad(cells.obs["true_angle"])
    axis = np.stack([np.cos(angle), np.sin(angle)], 1)
    return ((light - centre) * axis).sum(1) / half, cells.obs["true_nucleus_along"]


def test_reference_nuclei_lie_where_the_truth_says(screen):
    for channel, name in (("nucleus", "puncta"), ("protein", "nucleus")):
        along, truth = light_from(screen, channel, name)
        assert np.corrcoef(along, truth)[0, 1] > 0.8
    along, truth = light_from(screen, "protein", "polar")
    assert along.mean() > 0.4
    assert abs(np.corrcoef(along, truth)[0, 1]) < 0.2


def test_property_images_do_not_change_what_cells_are(tmp_path):
    options = {"n_obs": 30, "size": 20, "rng": 3}
    alone = datasets.synthetic_cells(**options, patterns=["diffuse", "puncta"], path=tmp_path / "a")
    same = datasets.synthetic_cells(**options, n_classes=2, path=tmp_path / "b")
    np.testing.assert_array_equal(get.crops(alone), get.crops(same))
    shared = datasets.synthetic_cells(**options, n_classes=2, n_images=2, path=tmp_path / "c")
    pd.testing.assert_frame_equal(alone.obs[TRUTH[:4]], shared.obs[TRUTH[:4]])


def test_property_survives_writing_and_subsetting(adata, tmp_path):
    adata.write_h5ad(tmp_path / "cells.h5ad")
    read = anndata.read_h5ad(tmp_path / "cells.h5ad")[100:110].copy()
    np.testing.assert_array_equal(get.crops(read), get.crops(adata, np.arange(100, 110)))
    pd.testing.assert_frame_equal(read.obs, adata.obs[100:110])


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"n_obs": 0}, ValueError, "n_obs must be at least 1, got 0"),
        ({"n_obs": 40.0}, TypeError, "n_obs must be an integer"),
        ({"size": 8}, ValueError, "size must be at least 16"),
        ({"n_classes": 1}, ValueError, "n_classes must be at least 2"),
        ({"n_classes": 8}, ValueError, r"n_classes must be at most 7 \('diffuse', .*got 8. Ask for fewer"),
        ({"n_classes": 2, "patterns": ["polar"]}, ValueError, "n_classes=2 and patterns=.*Give one of them"),
        ({"patterns": "polar"}, TypeError, "patterns must be a list of names, got 'polar'"),
        ({"patterns": ["nuclei"]}, ValueError, "patterns must be one of 'diffuse', .*got 'nuclei'"),
        ({"patterns": ["polar", "polar"]}, ValueError, "patterns must name each pattern once"),
        ({"patterns": []}, ValueError, "at least one"),
        ({"n_images": 3}, ValueError, "n_images must be at least 4, got 3"),
        ({"n_images": 4.0}, TypeError, "n_images must be an integer or None"),
        ({"n_obs": 5, "n_images": 6}, ValueError, "n_images=6 is more than the n_obs=5 cells"),
        ({"margin": -1}, ValueError, "margin must be at least 0"),
        ({"margin": 1.5}, TypeError, "margin must be an integer or None"),
        ({"contrast": 0}, ValueError, "contrast must be a finite number above 0, got 0"),
        ({"contrast": 1.5}, ValueError, "contrast must be a share, above 0 to 1, got 1.5"),
        ({"rng": "a"}, TypeError, "rng must be an integer of at least 0 or a numpy.random.Generator"),
    ],
)
def test_error(options, error, match, tmp_path):
    with pytest.raises(error, match=match):
        datasets.synthetic_cells(**{"path": tmp_path, **options})
    assert not list(tmp_path.iterdir())


def test_error_folder_is_a_file(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(PermissionError, match=r"path=.*cannot be written to"):
        datasets.synthetic_cells(30, path=tmp_path / "file")
