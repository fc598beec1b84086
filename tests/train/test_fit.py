import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from pictures import Witness, blobs, plan_of

from crepr.train._fit import Hardware, fit

CPU = Hardware(accelerator="cpu")


def run(plan, **options):
    options = {"identity": "a", "hardware": CPU, "progress": False, **options}
    return fit(plan, **options)


def weights(plan):
    return {name: values.clone() for name, values in plan.network.state_dict().items()}


def same(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


def test_anchor_loss_falls_and_history_has_a_row_per_epoch():
    history = run(plan_of(max_epochs=8))
    assert list(history.index) == list(range(8))
    assert set(history) == {"train_loss", "train_stain_mse", "train_kl"}
    assert history["train_loss"].iloc[-1] < 0.7 * history["train_loss"].iloc[0]


def test_property_same_seed_same_weights():
    plans = [plan_of(seed=seed) for seed in (1, 1, 2)]
    for plan in plans:
        torch.rand(3)  # what else draws random numbers does not matter
        run(plan)
    first, again, other = map(weights, plans)
    assert same(first, again)
    assert not same(first, other)


def test_property_validation_keeps_the_best_epoch():
    plan = plan_of(max_epochs=6, n_validation=16, lr=0.05)
    history = run(plan)
    view = plan.view
    with torch.inference_mode():
        batch = view.assemble(view.read(np.arange(16)), np.arange(16), pose=None, device=torch.device("cpu"))
        loss, _ = plan.objective(plan.network.eval()(batch["inputs"]), batch)
    assert float(loss) == pytest.approx(history["val_loss"].min(), rel=1e-4)


def test_property_patience_stops_early():
    history = run(plan_of(max_epochs=200, n_validation=16, lr=0.3), patience=2)
    assert len(history) < 200
    assert history["val_loss"].idxmin() == len(history) - 3


SCRIPT = """
import sys
sys.path.insert(0, {folder!r})
from pathlib import Path
import torch
torch.set_num_threads(1)
from pictures import plan_of
from crepr.train._fit import Hardware, fit
fit(plan_of(max_epochs=10_000), identity="a", hardware=Hardware(accelerator="cpu"), checkpoint_dir=Path(sys.argv[1]), progress=False)
"""


@pytest.mark.slow
def test_property_killed_and_resumed_is_as_uninterrupted(tmp_path):
    script = SCRIPT.format(folder=str(Path(__file__).parents[1]))
    process = subprocess.Popen([sys.executable, "-c", script, str(tmp_path)])
    deadline = time.monotonic() + 600  # the machine may be busy
    while not (tmp_path / "last.ckpt").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.5)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    done = torch.load(tmp_path / "last.ckpt", weights_only=True)["epoch"] + 1
    assert done >= 1

    resumed, whole = plan_of(max_epochs=done + 3), plan_of(max_epochs=done + 3)
    history = run(resumed, checkpoint_dir=tmp_path, resume=True)
    expected = run(whole)
    assert same(weights(resumed), weights(whole))
    np.testing.assert_array_equal(history, expected)


def test_error_folder_of_an_earlier_run(tmp_path):
    run(plan_of(max_epochs=1), checkpoint_dir=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()
    with pytest.raises(ValueError, match="resume=True"):
        run(plan_of(max_epochs=1), checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="other data, options or seed"):
        run(plan_of(max_epochs=1), checkpoint_dir=tmp_path, resume=True, identity="b")
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_error_loss_not_finite_keeps_the_last_checkpoint(tmp_path):
    pixels = blobs()
    run(plan_of(pixels, max_epochs=2), checkpoint_dir=tmp_path)
    pixels[5] = np.inf
    with pytest.raises(FloatingPointError, match=r"epoch 2.*lr=0\.01"):
        run(plan_of(pixels, max_epochs=6), checkpoint_dir=tmp_path, resume=True)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    assert all(torch.isfinite(values).all() for values in state["state_dict"].values())


def test_error_cuda_absent(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ValueError, match="accelerator='cuda', but torch"):
        Hardware(accelerator="cuda").check()


def test_property_interrupt_is_an_interrupt(tmp_path):
    plan = plan_of(max_epochs=50)
    handler = signal.getsignal(signal.SIGINT)
    plan.on_train_epoch_start = lambda: (_ for _ in ()).throw(KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt, match="resume=True"):
        run(plan, checkpoint_dir=tmp_path)
    assert signal.getsignal(signal.SIGINT) is handler


@pytest.mark.slow
def test_property_two_processes_train_as_one(tmp_path):
    one, two = (
        plan_of(max_epochs=6, n_validation=9, batch_size=20),
        plan_of(max_epochs=6, n_validation=9, batch_size=10),
    )
    single = run(one)
    options = {"callbacks": [Witness(tmp_path)]}
    history = run(
        two, hardware=Hardware(accelerator="cpu", devices=2, strategy="ddp_spawn", options=options), patience=5
    )

    witnesses = [torch.load(tmp_path / f"witness{rank}.pt", weights_only=False) for rank in (0, 1)]
    assert torch.equal(witnesses[0]["weights"], witnesses[1]["weights"])
    for epoch in range(6):
        seen = [cells for witness in witnesses for at, cells in witness["seen"] if at == epoch]
        assert sorted(np.concatenate(seen)) == list(range(9, 64))
    # the same cells in the same batches; batch norm and noise are each process's own
    assert list(history.columns) == list(single.columns)
    assert history["train_loss"].iloc[-1] == pytest.approx(single["train_loss"].iloc[-1], rel=0.15)
    assert all(torch.isfinite(values).all() for values in two.network.state_dict().values())
