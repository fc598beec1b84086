import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._output import Output
from crepr.models._terms._mmd import mmd


def discrepancy(z):
    return float(mmd(Output(z, {}, {}), {}).mean())


def test_anchor_one_cell_in_one_dimension():
    # 1 - 2 E exp(-p^2) + E exp(-(p - p')^2)
    assert discrepancy(torch.zeros(1, 1)) == pytest.approx(1 - 2 / math.sqrt(3) + 1 / math.sqrt(5))


@pytest.mark.parametrize("width", [1, 3, 10])
def test_reference_is_the_mean_over_samples_of_the_prior(width):
    generator = torch.Generator().manual_seed(0)
    z = 0.5 + torch.randn(200, width, generator=generator)
    prior = torch.randn(40_000, width, generator=generator)

    def kernel(x, y):
        return torch.exp(-torch.cdist(x, y).square() / width**2)

    far = prior[:4000], prior[4000:8000]
    expected = kernel(z, z).mean() - 2 * kernel(z, prior).mean() + kernel(*far).mean()
    assert discrepancy(z) == pytest.approx(float(expected), abs=6e-3)


def naive(z, prior, k, *, diagonal):
    """Mean over pairs, one by one; of different values only without the diagonal."""

    def mean(x, y, same):
        values = [k(a, b) for i, a in enumerate(x) for j, b in enumerate(y) if diagonal or not same or i != j]
        return float(torch.stack(values).mean())

    return mean(z, z, True) - 2 * mean(z, prior, False) + mean(prior, prior, True)


@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
@pytest.mark.parametrize("kernel", ["gaussian", "imq"])
def test_reference_is_the_mean_over_pairs(estimator, kernel):
    z = 1 + torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    prior = torch.randn(6, 3, generator=torch.Generator().manual_seed(2))
    kernels = {
        "gaussian": lambda a, b: torch.exp(-(a - b).square().sum() / 4),
        "imq": lambda a, b: 4 / (4 + (a - b).square().sum()),
    }
    output = Output(z, {}, {}, generator=torch.Generator().manual_seed(2))
    found = float(mmd(output, {}, kernel=kernel, bandwidth=4.0, estimator=estimator).mean())
    assert found == pytest.approx(naive(z, prior, kernels[kernel], diagonal=estimator == "biased"), abs=1e-5)


def test_property_estimators_agree_on_average():
    z = 0.5 + torch.randn(50, 4, generator=torch.Generator().manual_seed(0))
    # without the diagonal of the latents, which the exact one has
    exact = discrepancy(z) - (1 - float(torch.exp(-torch.pdist(z).square() / 16).mean())) / 50
    generator = torch.Generator().manual_seed(3)
    drawn = [float(mmd(Output(z, {}, {}, generator), {}, estimator="unbiased").mean()) for _ in range(400)]
    assert sum(drawn) / 400 == pytest.approx(exact, abs=2e-3)


def test_error():
    with pytest.raises(ValueError, match="estimator='exact' needs kernel='gaussian', got 'imq'"):
        mmd(Output(torch.zeros(2, 2), {}, {}), {}, kernel="imq")


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 3), st.floats(-2, 2))
def test_property_never_negative(seed, scale, shift):
    z = shift + scale * torch.randn(64, 5, generator=torch.Generator().manual_seed(seed))
    assert discrepancy(z) > -1e-6


def test_property_least_for_the_prior():
    z = torch.randn(2000, 4, generator=torch.Generator().manual_seed(0))
    assert discrepancy(z) < 2e-3
    assert min(discrepancy(z + 1), discrepancy(3 * z), discrepancy(0.2 * z)) > 20 * discrepancy(z)


def test_property_order_of_the_cells():
    z = torch.randn(20, 3, generator=torch.Generator().manual_seed(1))
    values = mmd(Output(z, {}, {}), {})
    torch.testing.assert_close(mmd(Output(z.flip(0), {}, {}), {}), values.flip(0))
