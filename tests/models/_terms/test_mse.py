import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import functional as F

from crepr.models._output import Output
from crepr.models._terms._mse import mse


def evaluate(decoded, expected):
    return mse(Output(decoded[:, 0, 0], {}, {"stain": decoded}), {"targets": {"stain": expected}}, target="stain")


def test_anchor_two_cells():
    decoded = torch.tensor([[[[0.0, 1.0]]], [[[2.0, 2.0]]]])
    expected = torch.tensor([[[[0.0, 0.5]]], [[[0.0, 1.0]]]])
    assert evaluate(decoded, expected).tolist() == [0.25, 5.0]


@given(st.integers(0, 2**32 - 1))
def test_reference_is_torch(seed):
    generator = torch.Generator().manual_seed(seed)
    decoded, expected = torch.rand(2, 3, 2, 5, 4, generator=generator)
    reference = F.mse_loss(decoded, expected, reduction="sum")
    assert evaluate(decoded, expected).sum().item() == pytest.approx(reference.item(), rel=1e-5)


def test_property_half_precision_is_summed_in_float32():
    decoded = torch.full((1, 4, 64, 64), 3.0, dtype=torch.bfloat16)
    result = evaluate(decoded, torch.zeros(1, 4, 64, 64))
    assert result.dtype == torch.float32
    assert result.item() == 9 * 4 * 64 * 64


def test_error():
    with pytest.raises(ValueError, match=r"same shape, got \(2, 1, 4, 4\) and \(2, 1, 5, 5\)"):
        evaluate(torch.zeros(2, 1, 4, 4), torch.zeros(2, 1, 5, 5))
    output = Output(torch.zeros(1, 1), {}, {"stain": torch.zeros(1, 1, 2, 2)})
    with pytest.raises(KeyError, match=r"No 'nuclei' in output.outputs \(there are: 'stain'\)"):
        mse(output, {"targets": {"nuclei": torch.zeros(1, 1, 2, 2)}}, target="nuclei")
    with pytest.raises(KeyError, match=r"No 'stain' in batch\['targets'\]"):
        mse(output, {"targets": {}}, target="stain")
