import numpy as np
import pytest
import torch

from crepr.stats._pick_device import pick_device


@pytest.mark.parametrize(("n_gpus", "expected"), [(0, "cpu"), (1, "cuda")])
def test_anchor_auto(monkeypatch, n_gpus, expected):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: n_gpus)
    assert pick_device("auto").type == expected
    assert pick_device("cpu") == pick_device(torch.device("cpu")) == torch.device("cpu")


@pytest.mark.parametrize(
    ("device", "match"),
    [
        ("cuda", r"device='cuda', but torch .* sees no CUDA device.* Set device='auto' or 'cpu'"),
        (torch.device("cuda:1"), "device='cuda:1', but torch .* sees no CUDA"),
        ("foo", r"device must be 'auto', 'cpu', 'cuda', .* got 'foo'"),
        ("meta", "device must be .* got 'meta'"),
        (None, "device must be .* got None"),
    ],
)
def test_error(monkeypatch, device, match):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    with pytest.raises(ValueError, match=match):
        pick_device(device)


def test_error_more_than_there_are(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(ValueError, match="device='cuda:1', but torch .* sees 1 CUDA"):
        pick_device("cuda:1")


@pytest.mark.parametrize("device", [np.array([1, 2]), ["cpu"], None, 1.5])
def test_error_no_device(device):
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda', 'cuda:1', ... or 'mps', got"):
        pick_device(device)
