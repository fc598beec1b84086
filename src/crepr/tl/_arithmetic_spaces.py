"""Spaces in which group means are added up, each with its way back to profiles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from crepr.stats._linear_scores import linear_scores
from crepr.stats._prediction_scores import prediction_scores
from crepr.stats._principal_components import Components

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from crepr.stats._score_sums import PredictionScores
    from crepr.tl._arithmetic_plan import ArithmeticPlan

#: Sums of the terms, and what is to be compared with them: profiles that are there, without any sum.
SUMS, PROFILES = ("latent", "pca", "input"), ("strongest single", "mean of singles", "control")
# values of profiles held at once
BLOCK = 1 << 21


@dataclass(frozen=True)
class Space:
    """What is made of group means: their coefficients `(c, g)`, what is added `(c, d)`, and for which combinations that can be done `(c,)`."""

    coefficients: np.ndarray
    added: np.ndarray
    defined: np.ndarray


@dataclass(frozen=True)
class Representation:
    """Rows that are added up.

    Attributes
    ----------
    rows
        `(n, d)`.
    decoder
        What makes profiles `(m, p)` of `(m, d)`; `None` for profiles themselves.
    spaces
        Name -> what is made of these rows.
    """

    rows: np.ndarray
    decoder: Callable[[np.ndarray], np.ndarray] | Components | None
    spaces: dict[str, Space]

    @property
    def coefficients(self) -> np.ndarray:
        """Of all spaces, one below the other."""
        return np.concatenate([space.coefficients for space in self.spaces.values()])

    def only(self, names: Iterable[str]) -> Representation:
        """Return the same with no other spaces than these."""
        return Representation(self.rows, self.decoder, {key: self.spaces[key] for key in self.spaces if key in names})

    def decode(self, rows: np.ndarray) -> np.ndarray:
        """Return profiles `(m, p)` of `(m, d)`."""
        if self.decoder is None:
            return rows
        return self.decoder.decode(rows) if isinstance(self.decoder, Components) else self.decoder(rows)

    def scores(self, sums: Iterable[np.ndarray], truth: np.ndarray, control: np.ndarray) -> Iterator[PredictionScores]:
        """Score blocks of sums `(b, c, d)` of the only space, decoded only where that is not linear."""
        if self.decoder is None or isinstance(self.decoder, Components):
            (space,) = self.spaces.values()
            for block in sums:
                yield linear_scores(block + space.added, truth, control, components=self.decoder)
        else:
            for block in self.profiles(sums, truth.shape[1]):
                yield prediction_scores(block[:, 0], truth, control)

    def profiles(self, sums: Iterable[np.ndarray], n_features: int) -> Iterator[np.ndarray]:
        """Decode blocks of sums of group means, `(b, s * c, d)`, to `(b, s, c, p)`, a bounded number at a time."""
        offsets = np.concatenate([space.added for space in self.spaces.values()])
        step = max(1, BLOCK // (len(offsets) * n_features))
        for block in sums:
            for start in range(0, len(block), step):
                part = block[start : start + step] + offsets
                decoded = self.decode(part.reshape(-1, part.shape[-1]))
                yield decoded.reshape(len(part), len(self.spaces), -1, decoded.shape[-1])


def find_representations(
    plan: ArithmeticPlan,
    profiles: np.ndarray,
    latents: np.ndarray,
    *,
    decode: Callable[[np.ndarray], np.ndarray],
    components: Components,
    strongest: np.ndarray,
    directions: Callable[[np.ndarray], np.ndarray],
    of_latents: np.ndarray,
) -> list[Representation]:
    """Return the latents, scores of principal components, and the profiles themselves.

    Parameters
    ----------
    plan
        What is added up.
    profiles, latents
        `(n, p)` and `(n, d)`.
    decode
        From latents to profiles.
    components
        Principal components of profiles.
    strongest
        Group of the strongest single term of each combination, `(c,)`.
    directions
        From rows to the directions in them, `(k, d)`.
    of_latents
        Which directions are known in latents only, `(k,)` booleans.
    """
    step = max(1, BLOCK // profiles.shape[1])
    starts = range(0, len(profiles), step)
    scores = np.concatenate([components.encode(profiles[start : start + step]) for start in starts])
    everywhere = ~(plan.steps[:, of_latents] != 0).any(1)

    def summed(rows: np.ndarray) -> Space:
        defined = np.ones_like(everywhere) if rows is latents else everywhere
        return Space(plan.coefficients, plan.steps @ directions(rows), defined)

    nothing = np.zeros((len(plan.combinations), profiles.shape[1]))
    one, singles = np.eye(len(plan.groups)), plan.singles
    has_singles = singles.any(1)
    mean = singles / np.maximum(singles.sum(1, keepdims=True), 1)
    others = (
        Space(one[strongest], nothing, has_singles),
        Space(mean, nothing, has_singles),
        Space(np.repeat(one[:1], len(nothing), axis=0), nothing, np.ones_like(has_singles)),
    )
    return [
        Representation(latents, decode, {"latent": summed(latents)}),
        Representation(scores, components, {"pca": summed(scores)}),
        Representation(
            profiles,
            None,
            {"input": summed(profiles), **dict(zip(PROFILES, others, strict=True))},
        ),
    ]
