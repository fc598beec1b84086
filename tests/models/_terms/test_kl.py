import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from crepr.models._output import Output
from crepr.models._terms._kl import kl


def test_anchor():
    # 1/2 (mean^2 + variance - 1 - ln variance), over two dimensions
    q = Normal(torch.tensor([[0.0, 0.0], [3.0, 0.0]]), torch.tensor([[1.0, 1.0], [1.0, 2.0]]))
    result = kl(Output(q.mean, {"encoder": q}, {}), {})
    assert result.tolist() == pytest.approx([0.0, 4.5 + 0.5 * (4 - 1 - np.log(4))])


@given(st.integers(0, 2**32 - 1))
def test_reference_is_the_formula(seed):
    generator = torch.Generator().manual_seed(seed)
    mean, logvar = torch.randn(2, 7, 5, generator=generator)
    result = kl(Output(mean, {"encoder": Normal(mean, (logvar / 2).exp())}, {}), {})
    torch.testing.assert_close(result, -0.5 * (1 + logvar - mean**2 - logvar.exp()).sum(1))


def test_property_mean_over_encoders():
    q = {name: Normal(torch.randn(3, 2), torch.rand(3, 2) + 0.1) for name in "ab"}
    alone = [kl(Output(part.mean, {name: part}, {}), {}) for name, part in q.items()]
    torch.testing.assert_close(kl(Output(q["a"].mean, q, {}), {}), (alone[0] + alone[1]) / 2)


def test_error_point():
    with pytest.raises(ValueError, match="needs a latent that is a distribution"):
        kl(Output(torch.zeros(2, 3), {}, {}), {})
