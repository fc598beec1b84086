import json
import os
import pickle

import numpy as np
import pandas as pd
import pytest
import torch
from pictures import blobs, spec, view_of
from safetensors.torch import save_file

import crepr as cr
from crepr.train._trained_model import TrainedModel, _digests


@pytest.fixture
def model():
    description = spec()
    history = pd.DataFrame({"train_loss": [2.0, 1.0]}, index=pd.RangeIndex(2, name="epoch"))
    return TrainedModel(description, description.build(seed=3), history=history, params={"lr": 0.01})


@pytest.fixture
def view():
    return view_of(blobs())


def test_anchor_round_trip_gives_the_same_latents(model, view, tmp_path):
    model.save(tmp_path / "model")
    loaded = cr.load_model(tmp_path / "model")
    np.testing.assert_array_equal(loaded.encode(view, progress=False)[0], model.encode(view, progress=False)[0])
    assert loaded.spec == model.spec
    assert loaded.params == {"lr": 0.01}
    pd.testing.assert_frame_equal(loaded.history, model.history)
    assert loaded.channels("stain") == ("blob",)
    assert "4 latents" in repr(loaded)
    assert sorted(os.listdir(tmp_path)) == ["model"]


def test_reference_latents_are_posterior_means_in_cell_order(model, view):
    means, logvars = model.encode(view, batch_size=5, progress=False)
    with torch.inference_mode():
        expected = model.network.encode({"stain": torch.from_numpy(blobs())})
    np.testing.assert_allclose(means, expected[0], atol=1e-5)
    np.testing.assert_allclose(logvars, expected[1], atol=1e-5)
    assert means.dtype == np.float32


def test_property_batches_are_small_where_planes_are_many(model, view, monkeypatch):
    expected = model.encode(view, progress=False)[0]
    seen = []
    encode = model.network.encode
    monkeypatch.setattr(model.network, "encode", lambda inputs: seen.append(len(inputs["stain"])) or encode(inputs))
    monkeypatch.setattr("crepr.train._trained_model.BATCH_VALUES", 3 * 16**2)
    np.testing.assert_allclose(model.encode(view, progress=False)[0], expected, atol=1e-5)
    assert max(seen) == 3


def test_property_reconstruction_matches_its_inputs_shape(model, view):
    pictures = model.reconstruct(view, cells=np.array([3, 1]))
    np.testing.assert_array_equal(pictures["inputs"]["stain"], blobs()[[3, 1]])
    assert pictures["outputs"]["stain"].shape == (2, 1, 16, 16)
    assert 0 <= pictures["outputs"]["stain"].min() <= pictures["outputs"]["stain"].max() <= 1


def test_property_no_cells_no_pictures(model, view):
    pictures = model.reconstruct(view, cells=np.array([], int))
    assert [pictures[side]["stain"].shape for side in ("inputs", "outputs")] == [(0, 1, 16, 16)] * 2


def test_error_pixels_not_finite(model):
    pixels = blobs()
    pixels[7, 0, 3, 3] = np.nan
    with pytest.raises(ValueError, match=r"Input 'stain' holds NaN or infinite values in 1 of the 64 cells .*\(7\)"):
        model.encode(view_of(pixels), progress=False)


def test_error_nothing_is_overwritten_unasked(model, tmp_path):
    model.save(tmp_path / "model")
    with pytest.raises(FileExistsError, match="overwrite=True"):
        model.save(tmp_path / "model")
    model.save(tmp_path / "model", overwrite=True)
    (tmp_path / "model" / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match=r"notes\.txt"):
        model.save(tmp_path / "model", overwrite=True)
    assert (tmp_path / "model" / "notes.txt").read_text() == "mine"


def test_error_missing_file(model, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"has no 'spec\.json'"):
        cr.load_model(tmp_path)


def changed(tmp_path, model, *, signed=True, **entries):
    """A model with other entries in its spec.json, under their own hashes where it is not the hash that is to be seen."""
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "spec.json"
    header = {**json.loads(path.read_text()), **entries}
    if signed:
        header["sha256"] = _digests(path.parent, header)
    path.write_text(json.dumps(header))
    return tmp_path / "model"


def test_error_newer_format(model, tmp_path):
    with pytest.raises(ValueError, match=r"format 99.*Update crepr"):
        cr.load_model(changed(tmp_path, model, format=99, crepr_version="9.0"))


def test_error_spec_with_unknown_key(model, tmp_path):
    content = json.loads(model.spec.to_json()) | {"surprise": 1}
    with pytest.raises(ValueError, match="surprise"):
        cr.load_model(changed(tmp_path, model, spec=content))


def test_error_weights_of_another_network(model, tmp_path):
    other = json.loads(spec(upsample="nearest").to_json())
    with pytest.raises(ValueError, match="do not fit the spec"):
        cr.load_model(changed(tmp_path, model, spec=other))


def test_property_json_may_be_laid_out_otherwise(model, tmp_path):
    folder = changed(tmp_path, model, signed=False, crepr_version="0")
    assert cr.load_model(folder).spec == model.spec


def test_error_spec_or_params_changed(model, tmp_path):
    other = json.loads(model.spec.to_json())
    other["inputs"]["stain"]["channels"] = ["another"]
    for part, content in {"spec": other, "params": {"lr": 0.1}}.items():
        match = rf"The {part} of the model in .* was changed or damaged after saving .*Save the model again"
        with pytest.raises(ValueError, match=match):
            cr.load_model(changed(tmp_path / part, model, signed=False, **{part: content}))


def test_error_history_replaced(model, tmp_path):
    model.save(tmp_path / "model")
    model.history.assign(train_loss=0.0).to_parquet(tmp_path / "model" / "history.parquet")
    with pytest.raises(ValueError, match="The history of the model in .* was changed or damaged after saving"):
        cr.load_model(tmp_path / "model")


@pytest.mark.parametrize("position", [0, 9, -1])
def test_error_flipped_bit(model, tmp_path, position):
    model.save(tmp_path / "model")
    path = tmp_path / "model" / "weights.safetensors"
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match="changed or damaged"):
        cr.load_model(tmp_path / "model")


def test_error_pickle_in_disguise_is_not_run(model, tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    model.save(tmp_path / "model")
    for name in ("weights.safetensors", "history.parquet", "spec.json"):
        folder = tmp_path / f"trap-{name}"
        model.save(folder)
        (folder / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ValueError, match=r"damaged|do not fit"):
            cr.load_model(folder)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "weights",
    [
        lambda state: {name: values for i, (name, values) in enumerate(state.items()) if i},
        lambda state: {**state, "more": torch.zeros(1)},
        lambda state: {name: values.double() for name, values in state.items()},
        lambda state: {name: values.reshape(-1) for name, values in state.items()},
    ],
    ids=["missing", "extra", "type", "shape"],
)
def test_error_weights_replaced(model, tmp_path, weights):
    model.save(tmp_path / "model")
    save_file(weights(model.network.state_dict()), tmp_path / "model" / "weights.safetensors")
    path = tmp_path / "model" / "spec.json"
    header = json.loads(path.read_text())
    path.write_text(json.dumps({**header, "sha256": _digests(path.parent, header)}))
    with pytest.raises(
        ValueError, match=r"weights.safetensors' cannot be read as the weights .*are missing, too many or of another"
    ):
        cr.load_model(tmp_path / "model")


def test_error_a_spec_that_claims_any_size(model, tmp_path):
    content = json.loads(model.spec.to_json().replace('"n_latent": 4', '"n_latent": 100000'))
    widths = json.dumps(content).replace("[4, 8]", "[4, 1000000]")
    with pytest.raises(ValueError, match=r"(spec.json|weights.safetensors)' cannot be read"):
        cr.load_model(changed(tmp_path, model, spec=json.loads(widths)))


def test_error_params_are_no_dict(model, tmp_path):
    with pytest.raises(ValueError, match=r"spec.json' cannot be read as the specification of a model"):
        cr.load_model(changed(tmp_path, model, params=3))
