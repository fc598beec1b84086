import numpy as np
import pytest
import torch
from pictures import plan_of

from crepr.train._fit import fit
from crepr.train._hardware import PRECISIONS, Hardware


def machine(monkeypatch, *, n_gpus):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: n_gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


@pytest.mark.filterwarnings("ignore:You passed `Trainer.accelerator='cpu', precision='16-mixed'")
@pytest.mark.parametrize("precision", PRECISIONS)
def test_property_precisions_train_on_the_cpu(precision):
    plan = plan_of(max_epochs=1)
    hardware = Hardware("cpu", precision=precision)
    hardware.check()
    history = fit(plan, identity="a", hardware=hardware, progress=False)
    assert np.isfinite(history.to_numpy()).all()
    assert all(values.dtype == torch.float32 for values in plan.network.parameters())


@pytest.mark.parametrize(("short", "precision"), [(32, "32-true"), ("bf16", "bf16-mixed"), ("16", "16-mixed")])
def test_anchor_short_names_of_precisions(short, precision):
    assert Hardware(precision=short).precision == precision


@pytest.mark.parametrize("devices", ["auto", 1, 3, "3"])
def test_property_devices_without_gpus(monkeypatch, devices):
    machine(monkeypatch, n_gpus=0)
    Hardware("auto", devices=devices).check()
    Hardware("cpu", devices=devices).check()


@pytest.mark.parametrize("devices", ["auto", 1, 2, -1, [1], [0, 1], "2", "-1", "0,1", "1,"])
def test_property_devices_with_gpus(monkeypatch, devices):
    machine(monkeypatch, n_gpus=2)
    Hardware("auto", devices=devices).check()
    Hardware("cuda", devices=devices).check()


def test_property_options_that_are_plain():
    options = {"gradient_clip_val": 1.0, "deterministic": True, "callbacks": [print]}
    Hardware(options=options).check()
    assert Hardware(options=options).plain_options() == {"gradient_clip_val": 1.0, "deterministic": True}


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (
            {"accelerator": "cuda"},
            r"accelerator='cuda', but torch .* sees no CUDA device\. Set accelerator='auto' or 'cpu'",
        ),
        ({"accelerator": "gpu"}, "accelerator='gpu', but torch .* sees no CUDA device"),
        ({"accelerator": "mps"}, "accelerator='mps', but torch .* sees no MPS device"),
        ({"accelerator": "tpu"}, "accelerator must be one of 'auto', 'cpu', 'gpu', 'cuda', 'mps', got 'tpu'"),
        ({"precision": "64-true"}, "precision must be one of '32-true', 'bf16-mixed', '16-mixed', got '64-true'"),
        ({"precision": "bf16-true"}, "precision must be one of"),
        ({"precision": "16-true"}, "precision must be one of"),
        ({"devices": 0}, "devices must be 'auto' or a number of processes, at least 1.*got 0"),
        ({"devices": -1}, "number of processes, at least 1.*got -1"),
        ({"devices": [0]}, r"number of processes, at least 1.*got \[0\]"),
        ({"devices": "two"}, "number of processes, at least 1.*got 'two'"),
        ({"num_nodes": 0}, "num_nodes must be at least 1, got 0"),
        ({"options": {"max_epochs": 1}}, "trainer_options holds 'max_epochs', .* Set max_epochs=1"),
        ({"options": {"foo": 1}}, "trainer_options must be one of .*'gradient_clip_val'.*got 'foo'"),
        ({"options": {"fast_dev_run": True}}, "trainer_options must be one of .*got 'fast_dev_run'"),
        ({"options": {"limit_train_batches": 0}}, "trainer_options must be one of .*got 'limit_train_batches'"),
    ],
)
def test_error(monkeypatch, options, match):
    machine(monkeypatch, n_gpus=0)
    with pytest.raises(ValueError, match=match):
        Hardware(**options).check()


@pytest.mark.parametrize("devices", [0, 3, [2], [0, 0], [], True])
def test_error_more_gpus_than_there_are(monkeypatch, devices):
    machine(monkeypatch, n_gpus=2)
    with pytest.raises(
        ValueError, match=r"number of GPUs, 1 to 2, -1 for all, or a list of their numbers, from 0 to 1; got"
    ):
        Hardware("cuda", devices=devices).check()
