import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.distributions import Normal

from crepr.models._combine import combine


def test_anchor():
    means = torch.tensor([[[2.0]], [[3.0]]])
    logvars = torch.tensor([[[0.0]], [[math.log(0.5)]]])
    mean, logvar = combine("product", means, logvars)
    assert (mean.item(), logvar.exp().item()) == pytest.approx((6.0, (4 + 1) * (9 + 0.5) - 36))
    mean, logvar = combine("mean", means, logvars)
    assert (mean.item(), logvar.exp().item()) == pytest.approx((2.5, 1.5 / 4))
    mean, logvar = combine("poe", means, logvars)
    assert (mean.item(), logvar.exp().item()) == pytest.approx(((2 + 6) / 4, 1 / 4))


@pytest.mark.parametrize("how", ["product", "mean"])
def test_reference_is_what_samples_do(how):
    generator = torch.Generator().manual_seed(0)
    means, logvars = torch.randn(2, 3, 1, 4, generator=generator, dtype=torch.float64)
    draws = means + (logvars / 2).exp() * torch.randn(3, 400_000, 4, generator=generator, dtype=torch.float64)
    drawn = draws.prod(0) if how == "product" else draws.mean(0)
    mean, logvar = combine(how, means, logvars)
    torch.testing.assert_close(mean[0], drawn.mean(0), atol=0.1, rtol=0.02)
    torch.testing.assert_close(logvar[0].exp(), drawn.var(0), atol=0, rtol=0.1)


def test_reference_product_of_densities():
    means, logvars = torch.randn(2, 3, 1, 1, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    x = torch.linspace(-12, 12, 40_001, dtype=torch.float64)
    density = Normal(0.0, 1.0).log_prob(x).exp()
    for mean, logvar in zip(means.flatten(), logvars.flatten(), strict=True):
        density = density * Normal(mean, (logvar / 2).exp()).log_prob(x).exp()
    density /= density.sum()
    mean, logvar = combine("poe", means, logvars)
    expected = (density * x).sum()
    assert mean.item() == pytest.approx(expected.item(), abs=1e-6)
    assert logvar.exp().item() == pytest.approx((density * (x - expected) ** 2).sum().item(), rel=1e-6)


@given(st.integers(0, 2**32 - 1), st.sampled_from(["product", "mean", "poe"]))
def test_property_order_of_encoders(seed, how):
    means, logvars = torch.randn(2, 3, 5, 2, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(combine(how, means, logvars), combine(how, means.flip(0), logvars.flip(0)))


def test_property_small_variances_are_not_lost():
    means, logvars = torch.full((3, 1, 1), 10.0), torch.full((3, 1, 1), -14.0)
    # to first order, three times 10**4 times the variance of one
    assert combine("product", means, logvars)[1].item() == pytest.approx(math.log(3e4) - 14, abs=1e-5)


@pytest.mark.parametrize("how", ["product", "mean"])
def test_property_points_stay_points(how):
    means = torch.randn(2, 4, 3, generator=torch.Generator().manual_seed(0))
    mean, logvar = combine(how, means, torch.full_like(means, -torch.inf))
    torch.testing.assert_close(mean, means.prod(0) if how == "product" else means.mean(0))
    assert (logvar == -torch.inf).all()
