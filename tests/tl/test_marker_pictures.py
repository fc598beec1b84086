import anndata as ad
import numpy as np

import crepr as cr
from crepr.tl import _marker_pictures
from crepr.tl._view import build_view, find_owners


def test_anchor_means_of_squares_of_the_markers_alone(monkeypatch):
    monkeypatch.setattr(_marker_pictures, "BATCH_VALUES", 600)  # two cells at a time
    stack = np.random.default_rng(0).random((5, 3, 16, 16), dtype=np.float32)
    stack[:, :, 0, :2] = [0, 1]  # so that scaling changes nothing
    adata = ad.AnnData(np.zeros((5, 1)))
    cr.pp.crops(adata, stack, axes="ncyx", channel_names=["protein", "a", "b"])
    options = {"augment": "none", "hide_neighbours": False}
    view = build_view(find_owners(adata, "stain"), channels={"stain": ["a", "b"]}, options=options)
    pictures = _marker_pictures.marker_pictures(view, progress=False)
    expected = stack[:, 1:].reshape(5, 2, 8, 2, 8, 2).mean((3, 5)).reshape(5, -1)
    np.testing.assert_allclose(pictures, expected, rtol=1e-5)
