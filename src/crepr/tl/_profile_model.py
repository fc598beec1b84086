"""A model of profiles beside the profiles."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, cast

from crepr import _validate
from crepr.tl._check_model import check_latent, check_model
from crepr.tl._profiles import profile_input
from crepr.tl._view import find_owners

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np

    from crepr._types import Data
    from crepr.models._network import NetworkSpec
    from crepr.tl._view import Owners
    from crepr.train._profile_input import ProfileInput
    from crepr.train._trained_model import TrainedModel

#: Values of profiles read at once.
BLOCK = 1 << 22


class ProfileModel(NamedTuple):
    """A model, the profiles that it reads, and where they are."""

    model: TrainedModel
    owners: Owners
    #: Of the input and the target: `'X'`, a layer, or a key of `.obsm`.
    name: str
    profiles: ProfileInput

    @property
    def n_latent(self) -> int:
        """Dimensions of the latent."""
        return cast("NetworkSpec", self.model.spec.network).n_latent

    def blocks(self, cells: np.ndarray) -> Iterator[np.ndarray]:
        """Give profiles of cells, in blocks `(b, d)`; raise if they are not finite."""
        step = max(1, BLOCK // len(self.profiles.channels))
        for start in range(0, len(cells), step):
            part = cells[start : start + step]
            rows = self.profiles.read(part).numpy()
            _validate.finite(f"inputs={self.name!r}", rows, cells=self.owners.target.obs_names[part])
            yield rows


def check_profiles(model: TrainedModel, *, otherwise: str) -> str:
    """Return the name of the profiles that the model reads; raise if it reads something else, and say what is there for that."""
    check_model(model)
    check_latent(model)
    ((name, spec), *_) = model.spec.inputs.items()
    if spec.kind != "profile":
        raise ValueError(f"The model draws {_validate.listing(model.spec.inputs)}, and no profiles. {otherwise}")
    return name


def find_profile_model(
    data: Data, model: TrainedModel, mod: str | Sequence[str] | None, *, otherwise: str
) -> ProfileModel:
    """Find the profiles that a model reads, with its features in its order."""
    name = check_profiles(model, otherwise=otherwise)
    owners = find_owners(data, [name], mod)
    shown = profile_input(owners.adatas[name], name, channels=model.channels(name))
    return ProfileModel(model, owners, name, shown)


def plain_cells(which: str | tuple[str, Any] | None) -> str | list[str] | None:
    """Return what marks cells, a column, or a column and its value, as it can be recorded."""
    # values may be of any type
    return which if which is None or isinstance(which, str) else [which[0], str(which[1])]
