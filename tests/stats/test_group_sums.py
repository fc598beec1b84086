import torch

from crepr.stats._group_sums import group_sums


def test_reference_is_adding_up_by_index():
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(50, 3, generator=generator, dtype=torch.float64)
    codes = torch.randint(0, 4, (6, 50), generator=generator)
    expected = torch.stack([torch.zeros(4, 3, dtype=torch.float64).index_add(0, row, x) for row in codes], dim=1)
    torch.testing.assert_close(group_sums(x, codes, 4), expected)
