"""A small view without AnnData: blobs of random size and place."""

import lightning as L
import numpy as np
import torch

from crepr.models._registry import MODELS
from crepr.models._spec import InputSpec
from crepr.train._plan import Optimisation, TrainingPlan
from crepr.train._pose import turn_crops
from crepr.train._view import View

SIZE = 16


class Pictures:
    """An input whose pixels are in memory."""

    channels, size = ("blob",), SIZE

    def __init__(self, pixels):
        self.pixels = torch.from_numpy(pixels)

    def prepare(self, device, *, margin):
        pass

    def read(self, cells, *, margin):
        return self.pixels[torch.from_numpy(cells)]

    def assemble(self, raw, *, pose, device):
        planes = raw.to(device)
        return {"planes": planes if pose is None else turn_crops(planes, pose, size=SIZE)}


def blobs(n=64, seed=0):
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    centre = rng.uniform(5, 11, (2, n, 1, 1))
    width = rng.uniform(1, 4, (n, 1, 1))
    return np.exp(-((y - centre[0]) ** 2 + (x - centre[1]) ** 2) / (2 * width**2)).astype(np.float32)[:, None]


def view_of(pixels, augment="quarter"):
    return View({"stain": Pictures(pixels)}, n_obs=len(pixels), augment=augment)


def spec(**options):
    return MODELS["vae"]({"stain": InputSpec(("blob",), SIZE)}, n_latent=4, widths=(4, 8), **options)


def plan_of(
    pixels=None,
    *,
    max_epochs=3,
    seed=0,
    n_validation=0,
    lr=1e-2,
    batch_size=16,
    lr_schedule="constant",
    augment="quarter",
    **options,
):
    pixels = blobs() if pixels is None else pixels
    cells = np.arange(len(pixels))
    model = spec(**options)
    return TrainingPlan(
        model.build(seed=seed),
        model.build_objective(),
        view_of(pixels, augment),
        training=cells[n_validation:],
        validation=cells[:n_validation],
        optimisation=Optimisation(lr=lr, batch_size=batch_size, max_epochs=max_epochs, lr_schedule=lr_schedule),
        seed=seed,
    )


class Witness(L.Callback):
    """Writes down what each process saw in each epoch, and the weights that it ended with."""

    def __init__(self, folder):
        self.folder, self.seen = folder, []

    def on_train_batch_end(self, trainer, pl_module, outputs, batch, batch_idx):
        self.seen.append((trainer.current_epoch, batch["cells"]))

    def on_train_end(self, trainer, pl_module):
        vector = torch.nn.utils.parameters_to_vector(pl_module.network.parameters())
        torch.save({"seen": self.seen, "weights": vector}, self.folder / f"witness{trainer.global_rank}.pt")
