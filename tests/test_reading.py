import pickle
import zlib

import pytest

from crepr._reading import reading


@pytest.mark.parametrize(
    "error",
    [zlib.error("bad"), MemoryError("10**12 bytes"), RecursionError(), pickle.UnpicklingError("x"), KeyError("y"), OverflowError()],
)  # fmt: skip
def test_anchor_any_error_becomes_one_that_names_the_file(error):
    with (
        pytest.raises(
            ValueError, match=rf"^'a/b\.h5' cannot be read as HDF5: {type(error).__name__}.*\. Copy it again\.$"
        ) as caught,
        reading("a/b.h5", "as HDF5", then="Copy it again."),
    ):
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize("kind", [FileNotFoundError, PermissionError])
def test_property_a_file_that_is_gone_is_not_damaged(kind):
    with pytest.raises(kind, match="'a' cannot be read as text"), reading("a", "as text", then="Look."):
        raise kind("a")


def test_property_interrupts_pass():
    with pytest.raises(KeyboardInterrupt), reading("a", "as text", then="Look."):
        raise KeyboardInterrupt
