import matplotlib.pyplot as plt
import pytest

from crepr.pl._few_ticks import FewTicks


@pytest.mark.parametrize(("low", "high", "n"), [(0, 1, 5), (-0.0019, -0.0006, 2), (-0.02, 0.021, 3)])
def test_property_labels_stand_apart(faults, low, high, n):
    fig, ax = plt.subplots(figsize=(1.3, 1), layout="constrained")
    ax.tick_params(labelsize=7)
    ax.set_yticks([])
    ax.set_xlim(low, high)
    ax.xaxis.set_major_locator(FewTicks(5))
    assert not faults(fig)
    assert sum(low <= tick <= high for tick in ax.get_xticks()) >= min(n, 2)


def test_anchor_is_that_of_matplotlib_where_there_is_room():
    _, ax = plt.subplots(figsize=(6, 1))
    ax.set_xlim(0, 1)
    ax.xaxis.set_major_locator(FewTicks(3))
    assert [tick for tick in ax.get_xticks() if 0 <= tick <= 1] == pytest.approx([0, 0.4, 0.8])
