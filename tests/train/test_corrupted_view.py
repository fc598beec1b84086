import numpy as np
import torch

from crepr.train._batches import Batches
from crepr.train._corrupted_view import CorruptedView
from crepr.train._profile_input import ProfileInput

X = np.ones((2000, 10), np.float32)


def batches(noise, mask, *, epoch, seed=0):
    view = CorruptedView({"X": ProfileInput(X, "abcdefghij")}, n_obs=2000, noise=noise, mask=mask)
    made = Batches(view, np.arange(2000), batch_size=1000, device=torch.device("cpu"), seed=seed, epoch=epoch)
    return list(made)


def test_anchor_noise_and_mask_are_as_asked_for():
    first = batches(0.5, 0.2, epoch=0)[0]
    shown = first["inputs"]["X"]
    torch.testing.assert_close(first["targets"]["X"], torch.ones(1000, 10))
    kept = shown != 0
    assert abs(kept.float().mean() - 0.8) < 0.02
    assert abs(shown[kept].mean() - 1) < 0.03
    assert abs(shown[kept].std() - 0.5) < 0.02


def test_property_noise_is_of_the_seed_and_the_epoch():
    first, again, later, other = (
        batches(0.5, 0.0, **options)[1]["inputs"]["X"]
        for options in ({"epoch": 1}, {"epoch": 1}, {"epoch": 2}, {"epoch": 1, "seed": 1})
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, later)
    assert not torch.equal(first, other)


def test_nothing_is_added_outside_of_training():
    assert torch.equal(batches(0.5, 0.2, epoch=None)[0]["inputs"]["X"], torch.ones(1000, 10))
