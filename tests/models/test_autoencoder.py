import pytest

from crepr.models import InputSpec, autoencoder


@pytest.mark.parametrize(
    ("inputs", "match"),
    [
        ({}, "inputs must be one input of kind 'intensity', got none of kinds none. Give {'stain': InputSpec"),
        ({"rna": InputSpec(("a",), 16, "planes")}, "one input of kind 'intensity', got 'rna' of kinds 'planes'"),
        ({"stain": InputSpec(("a",), 18)}, "size=18 is not divisible by 4, .* Set size to 16 or 20"),
    ],
)
def test_error(inputs, match):
    with pytest.raises(ValueError, match=match):
        autoencoder(inputs)
