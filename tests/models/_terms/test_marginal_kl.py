import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal, kl_divergence

from crepr.models._output import Output
from crepr.models._terms._marginal_kl import marginal_kl


def posterior(mean, scale):
    return Output(mean, {"encoder": Normal(mean, scale)}, {})


def test_anchor():
    # two cells of unit variance that lie 2 apart: 1/2 (0 + 2^2 / 2)
    result = marginal_kl(posterior(torch.tensor([[0.0], [2.0]]), torch.ones(2, 1)), {})
    assert result.tolist() == pytest.approx([1.0, 1.0])


@given(st.integers(0, 2**32 - 1))
def test_reference_is_the_mean_over_pairs(seed):
    generator = torch.Generator().manual_seed(seed)
    mean, logs = torch.randn(2, 9, 4, generator=generator, dtype=torch.float64)
    scale = logs.exp()
    pairs = kl_divergence(Normal(mean[:, None], scale[:, None]), Normal(mean, scale)).sum(2)
    torch.testing.assert_close(marginal_kl(posterior(mean, scale), {}), pairs.mean(1))


def test_property_nothing_is_known_where_all_are_alike():
    result = marginal_kl(posterior(torch.full((5, 3), 0.7), torch.full((5, 3), 0.3)), {})
    torch.testing.assert_close(result, torch.zeros(5), atol=1e-5, rtol=0)


def test_property_mean_over_encoders():
    q = {name: Normal(torch.randn(4, 2), torch.rand(4, 2) + 0.1) for name in "ab"}
    alone = [marginal_kl(Output(part.mean, {name: part}, {}), {}) for name, part in q.items()]
    torch.testing.assert_close(marginal_kl(Output(q["a"].mean, q, {}), {}), (alone[0] + alone[1]) / 2)


def test_error_point():
    with pytest.raises(ValueError, match="needs a latent that is a distribution"):
        marginal_kl(Output(torch.zeros(2, 3), {}, {}), {})
