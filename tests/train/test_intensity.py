import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from skimage.exposure import rescale_intensity

from crepr.train._intensity import scale_intensity

seeds = st.integers(0, 2**32 - 1)


def test_anchor_limits_become_zero_and_one():
    crops = torch.tensor([[[[0.0, 10.0], [30.0, 99.0]]]])
    scaled = scale_intensity(crops, torch.tensor([10.0]), torch.tensor([50.0]))
    assert scaled.flatten().tolist() == [0.0, 0.0, 0.5, 1.0]


def test_constant_channel_becomes_zero():
    crops = torch.full((2, 2, 3, 3), 7.0)
    crops[:, 1, 0] = 3
    limits = torch.tensor([7.0, 3.0]), torch.tensor([7.0, 7.0])
    scaled = scale_intensity(crops, *limits)
    assert (scaled[:, 0] == 0).all()
    assert (scaled[:, 1, 1:] == 1).all()


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "float32", "float64"])
def test_reference_is_skimage(dtype, rng):
    crops = rng.integers(0, 250, (4, 1, 6, 6)).astype(dtype)
    ours = scale_intensity(torch.from_numpy(crops), torch.tensor([20.0]), torch.tensor([200.0]))
    theirs = rescale_intensity(crops.astype(np.float32), in_range=(20, 200), out_range=(0.0, 1.0))
    assert ours.dtype == torch.float32
    np.testing.assert_allclose(ours.numpy(), theirs, atol=1e-6)


@given(seeds)
def test_property_limits_of_each_cell_scale_it_as_if_alone(seed):
    rng = np.random.default_rng(seed)
    crops = torch.from_numpy(rng.normal(size=(5, 3, 4, 4)))
    before = crops.clone()
    low, high = torch.from_numpy(np.sort(rng.normal(size=(2, 5, 3)), axis=0))
    together = scale_intensity(crops, low, high)
    alone = torch.cat([scale_intensity(crops[i : i + 1], low[i], high[i]) for i in range(5)])
    torch.testing.assert_close(together, alone, rtol=0, atol=0)
    assert ((together >= 0) & (together <= 1)).all()
    assert torch.equal(crops, before)


def test_error_limits_of_other_shape():
    with pytest.raises(ValueError, match=r"\(c,\) or \(B, c\).*got \(2,\) and \(3,\)"):
        scale_intensity(torch.zeros(4, 3, 2, 2), torch.zeros(2), torch.zeros(3))
