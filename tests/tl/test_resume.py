"""A run that is resumed: as one that was not interrupted, and on the same data with the same options only."""

import shutil

import numpy as np
import pandas as pd
import pytest

import crepr as cr

OTHER = "other data, options or seed"


@pytest.fixture
def resume(train, tmp_path):
    """Train in one folder, again and again."""

    def resume(data, **options):
        return train(data, **{"inputs": "stain", "checkpoint_dir": tmp_path / "run", "resume": True, **options})

    return resume


@pytest.mark.parametrize("options", [{}, {"validation": 0.25, "patience": 4, "lr": 0.01}])
def test_property_resumed_is_as_uninterrupted(adata, train, resume, options):
    resume(adata, **options)
    with pytest.raises(ValueError, match="resume=True"):
        resume(adata, resume=False, **options)
    history = resume(adata, max_epochs=4, **options).history
    resumed = adata.obsm["X_vae"]
    expected = train(adata, inputs="stain", max_epochs=4, **options).history
    pd.testing.assert_frame_equal(history, expected)
    np.testing.assert_array_equal(resumed, adata.obsm["X_vae"])


def test_property_stopped_early_is_returned_as_it_is(adata, resume):
    options = {"validation": 0.3, "patience": 1, "lr": 0.3, "max_epochs": 30}
    history = resume(adata, **options).history
    latents = adata.obsm["X_vae"]
    assert len(history) < 30
    for max_epochs in (30, 40):
        again = resume(adata, **{**options, "max_epochs": max_epochs})
        pd.testing.assert_frame_equal(again.history, history)
        np.testing.assert_array_equal(adata.obsm["X_vae"], latents)


def test_property_data_that_were_moved_are_the_same(adata, resume, tmp_path):
    resume(adata, inputs="auto")
    (tmp_path / "elsewhere").mkdir()
    for name in ("c.zarr", "c.parquet"):
        shutil.move(tmp_path / name, tmp_path / "elsewhere" / name)
    cr.pp.crops(adata, relocate={tmp_path: tmp_path / "elsewhere"})
    cr.pp.transcripts(adata, relocate={tmp_path: tmp_path / "elsewhere"})
    assert len(resume(adata, inputs="auto", max_epochs=3).history) == 3


def test_error_other_cells_or_positions(adata, resume):
    resume(adata)
    with pytest.raises(ValueError, match=OTHER):
        resume(adata[::-1].copy())
    adata.obsm["crops"] = adata.obsm["crops"].assign(y=adata.obsm["crops"]["y"] + 1)
    with pytest.raises(ValueError, match=OTHER):
        resume(adata)


def test_error_other_limits_of_cells(adata, resume):
    cr.pp.intensity(adata, per="cell", progress=False)
    resume(adata)
    cr.pp.intensity(adata, per="cell", percentiles=(40, 60), progress=False)
    with pytest.raises(ValueError, match=OTHER):
        resume(adata)


def test_error_other_windows_of_transcripts(mdata, resume):
    resume(mdata, inputs="transcripts")
    crops = mdata["stain"].obsm["crops"]
    mdata["stain"].obsm["crops"] = crops.assign(x=crops["x"] + 1)
    with pytest.raises(ValueError, match=OTHER):
        resume(mdata, inputs="transcripts")


def test_error_other_masks(adata, resume):
    labels = np.zeros((160, 160), np.int32)
    for label, (x, y) in enumerate(adata.obsm["spatial"].astype(int), start=1):
        labels[y, x] = label
    cr.pp.masks(adata, labels, axes="yx")
    resume(adata, hide_neighbours=True)
    adata.obsm["masks"] = adata.obsm["masks"].assign(label=adata.obsm["masks"]["label"].to_numpy()[::-1])
    with pytest.raises(ValueError, match=OTHER):
        resume(adata, hide_neighbours=True)


def test_error_other_options_of_the_trainer(adata, resume):
    resume(adata, trainer_options={"gradient_clip_val": 1.0})
    with pytest.raises(ValueError, match=OTHER):
        resume(adata, trainer_options={"gradient_clip_val": 1e-9})
    assert len(resume(adata, trainer_options={"gradient_clip_val": 1.0}, max_epochs=3).history) == 3


def test_error_damaged_checkpoint(adata, resume, tmp_path):
    resume(adata)
    (tmp_path / "run" / "last.ckpt").write_bytes(b"no checkpoint")
    with pytest.raises(
        ValueError,
        match=r"last.ckpt' cannot be read as a checkpoint: .*Delete last.ckpt in checkpoint_dir to start anew",
    ):
        resume(adata)
