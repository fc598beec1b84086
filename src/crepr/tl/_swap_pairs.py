from __future__ import annotations

import numpy as np


class SwapPairs:
    """Draws targets of a label, and for each target sources of its own image and of an image of each of some other labels.

    Parameters
    ----------
    images
        Image of each cell, `(n,)`, all of 0 to `k - 1`.
    of_image
        Label of each image, `(k,)`.
    n_labels
        Number of labels.
    n_sources
        Sources of an image, all different; images with fewer others than that are not used.
    n_others
        Other labels of a target; all if there are not more.
    """

    def __init__(
        self, images: np.ndarray, of_image: np.ndarray, *, n_labels: int, n_sources: int, n_others: int | None
    ) -> None:
        sizes = np.bincount(images)
        self.images, self.n_sources = images, n_sources
        self.cells = np.split(np.argsort(images, kind="stable"), np.cumsum(sizes)[:-1])
        self.of_label = [np.flatnonzero((of_image == code) & (sizes > n_sources)) for code in range(n_labels)]
        self.n_others = n_labels - 1 if n_others is None else min(n_others, n_labels - 1)

    def targets(self, label: int, n: int, rng: np.random.Generator) -> np.ndarray:
        """Draw `n` cells of a label, or all."""
        cells = np.concatenate([self.cells[image] for image in self.of_label[label]])
        return rng.choice(cells, min(n, len(cells)), replace=False)

    def sources(self, label: int, targets: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Draw labels `(n, 1 + n_others)`, first that of the target, and sources of each `(n, 1 + n_others, n_sources)`."""
        rest = np.delete(np.arange(len(self.of_label)), label)
        labels = np.stack([np.append(label, rng.choice(rest, self.n_others, replace=False)) for _ in targets])
        sources = np.empty((*labels.shape, self.n_sources), dtype=np.int64)
        for i, target in enumerate(targets):
            own = self.images[target]
            drawn = [own, *(rng.choice(self.of_label[other]) for other in labels[i, 1:])]
            for j, image in enumerate(drawn):
                cells = self.cells[image]
                sources[i, j] = rng.choice(cells[cells != target], self.n_sources, replace=False)
        return labels, sources
