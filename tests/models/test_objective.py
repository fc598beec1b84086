import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from crepr.models._objective import Objective, WarmUp
from crepr.models._output import Output

OUTPUT = Output(torch.zeros(2, 1), {}, {})


def constant(*values):
    return lambda output, batch: torch.tensor(values)


def test_anchor_weighted_sum_of_means():
    objective = Objective({"a": (constant(1.0, 3.0), 10.0), "b": (constant(0.0, 1.0), 2.0)})
    loss, parts = objective(OUTPUT, {})
    assert loss.item() == 21.0
    assert {name: part.item() for name, part in parts.items()} == {"a": 2.0, "b": 0.5}


def test_anchor_warm_up():
    objective = Objective({"a": (constant(1.0), 1.0), "b": (constant(1.0), WarmUp(0.0, 4.0, epochs=8))})
    assert [objective(OUTPUT, {}, epoch=epoch)[0].item() for epoch in (0, 2, 8, 100)] == [1.0, 2.0, 5.0, 5.0]


@given(st.floats(0, 10), st.floats(0, 10), st.integers(1, 50))
def test_property_warm_up_stays_between_its_ends(start, stop, epochs):
    warm_up = WarmUp(start, stop, epochs)
    assert warm_up.at(0) == start
    assert warm_up.at(epochs) == pytest.approx(stop)
    for epoch in range(epochs + 3):
        assert min(start, stop) - 1e-9 <= warm_up.at(epoch) <= max(start, stop) + 1e-9


def test_property_a_term_of_weight_0_does_not_spoil_the_loss():
    objective = Objective({"a": (constant(2.0), 1.0), "b": (constant(torch.inf), 0.0)})
    loss, parts = objective(OUTPUT, {})
    assert loss.item() == 2.0
    assert parts["b"].item() == torch.inf


def test_property_parts_are_detached():
    x = torch.ones(3, requires_grad=True)
    loss, parts = Objective({"a": (lambda output, batch: x * 2, 1.0)})(OUTPUT, {})
    assert loss.requires_grad
    assert not parts["a"].requires_grad


def test_error():
    with pytest.raises(ValueError, match="Every term has weight 0 in epoch 3: 'a'"):
        Objective({"a": (constant(1.0), 0.0)})(OUTPUT, {}, epoch=3)
    with pytest.raises(ValueError, match="epochs must be at least 1, got 0"):
        WarmUp(0.0, 1.0, 0)
    with pytest.raises(ValueError, match="stop must be a finite number of at least 0, got -1"):
        WarmUp(0.0, -1.0, 5)
