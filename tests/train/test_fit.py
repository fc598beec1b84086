import signal

import numpy as np
import pandas as pd
import pytest
import torch
from pictures import Witness, blobs, plan_of

from crepr.models._objective import WarmUp
from crepr.train._fit import fit
from crepr.train._hardware import Hardware

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


def test_property_resumed_with_validation_is_as_uninterrupted(tmp_path):
    options = {"n_validation": 16, "lr": 0.05}
    run(plan_of(max_epochs=2, **options), checkpoint_dir=tmp_path, patience=9)
    resumed, whole = plan_of(max_epochs=5, **options), plan_of(max_epochs=5, **options)
    history = run(resumed, checkpoint_dir=tmp_path, patience=9, resume=True)
    expected = run(whole, patience=9)
    assert same(weights(resumed), weights(whole))
    np.testing.assert_array_equal(history, expected)


def test_property_learning_rate_falls_along_a_cosine_also_when_resumed(tmp_path):
    rates = []

    def watched(**options):
        plan = plan_of(max_epochs=4, lr_schedule="cosine", **options)
        start = plan.on_train_epoch_start

        def note():
            rates.append(plan.optimizers().param_groups[0]["lr"])
            if len(rates) == stop:
                raise KeyboardInterrupt
            start()

        plan.on_train_epoch_start = note
        return plan

    stop = 0
    whole = watched()
    run(whole)
    expected = 0.01 * (1 + np.cos(np.pi * np.arange(4) / 4)) / 2
    np.testing.assert_allclose(rates, expected)
    rates, stop = [], 3
    with pytest.raises(KeyboardInterrupt):
        run(watched(), checkpoint_dir=tmp_path)
    rates, stop = [], 0
    resumed = watched()
    run(resumed, checkpoint_dir=tmp_path, resume=True)
    np.testing.assert_allclose(rates, expected[2:])
    assert same(weights(resumed), weights(whole))


def test_property_validation_is_measured_with_the_last_weights():
    history = run(plan_of(max_epochs=5, n_validation=16, beta=WarmUp(0.0, 8.0, epochs=4)))
    expected = 10 * history["val_stain_mse"] + 8 * history["val_kl"]
    np.testing.assert_allclose(history["val_loss"], expected, rtol=1e-4)
    expected = 10 * history["train_stain_mse"] + [0, 2, 4, 6, 8] * history["train_kl"]
    np.testing.assert_allclose(history["train_loss"], expected, rtol=1e-4)


@pytest.mark.parametrize(("options", "patience"), [({"lr": 0.3, "n_validation": 16}, 1), ({}, None)])
def test_property_finished_run_is_returned_as_it_is(tmp_path, options, patience):
    first = plan_of(max_epochs=12, **options)
    history = run(first, checkpoint_dir=tmp_path, patience=patience)
    before = (tmp_path / "last.ckpt").read_bytes()
    assert (len(history) < 12) == (patience is not None)
    for _ in range(2):
        again = plan_of(max_epochs=12, **options)
        pd.testing.assert_frame_equal(run(again, checkpoint_dir=tmp_path, patience=patience, resume=True), history)
        assert same(weights(again), weights(first))
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_error_folder_of_an_earlier_run(tmp_path):
    run(plan_of(max_epochs=1), checkpoint_dir=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()
    with pytest.raises(ValueError, match="resume=True"):
        run(plan_of(max_epochs=1), checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="other data, options or seed"):
        run(plan_of(max_epochs=1), checkpoint_dir=tmp_path, resume=True, identity="b")
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_error_run_of_more_epochs(tmp_path):
    run(plan_of(max_epochs=3), checkpoint_dir=tmp_path)
    with pytest.raises(ValueError, match="holds a run of 3 epochs, more than max_epochs=2. Raise max_epochs"):
        run(plan_of(max_epochs=2), checkpoint_dir=tmp_path, resume=True)


@pytest.mark.parametrize("name", ["last.ckpt", "best.ckpt"])
def test_error_damaged_checkpoint(tmp_path, name):
    run(plan_of(max_epochs=1, n_validation=16), checkpoint_dir=tmp_path)
    content = (tmp_path / name).read_bytes()
    for damaged in (content[: len(content) // 2], b"something else", b""):
        (tmp_path / name).write_bytes(damaged)
        with pytest.raises(
            ValueError,
            match=rf"{name}' cannot be read as a checkpoint: .*Delete last.ckpt in checkpoint_dir to start anew",
        ):
            run(plan_of(max_epochs=1, n_validation=16), checkpoint_dir=tmp_path, resume=True)


def test_error_pixels_not_finite_keep_the_last_checkpoint(tmp_path):
    pixels = blobs()
    run(plan_of(pixels, max_epochs=2), checkpoint_dir=tmp_path)
    before = (tmp_path / "last.ckpt").read_bytes()
    pixels[5] = np.inf
    with pytest.raises(ValueError, match=r"Input 'stain' holds NaN or infinite values in 1 of the 16 cells .*\(5\)"):
        run(plan_of(pixels, max_epochs=6), checkpoint_dir=tmp_path, resume=True)
    assert (tmp_path / "last.ckpt").read_bytes() == before


def test_error_pixels_of_validation_not_finite(tmp_path):
    pixels = blobs()
    pixels[[2, 3]] = np.nan
    with pytest.raises(ValueError, match=r"Input 'stain' holds NaN or infinite values in 2 of the 8 cells .*\(2, 3\)"):
        run(plan_of(pixels, n_validation=8))


def test_error_loss_not_finite_keeps_the_last_checkpoint(tmp_path):
    pixels = blobs()
    run(plan_of(pixels, max_epochs=2), checkpoint_dir=tmp_path)
    pixels[5] = 1e30  # finite, but its square is not
    with pytest.raises(FloatingPointError, match=r"epoch 3 of 6: in step \d the loss is inf .*lr=0\.01.*lower lr"):
        run(plan_of(pixels, max_epochs=6), checkpoint_dir=tmp_path, resume=True)
    state = torch.load(tmp_path / "last.ckpt", weights_only=True)
    assert state["epoch"] == 1
    assert all(torch.isfinite(values).all() for values in state["state_dict"].values())


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
        plan_of(max_epochs=6, n_validation=9, batch_size=20, lr=2e-3),
        plan_of(max_epochs=6, n_validation=9, batch_size=10, lr=2e-3),
    )
    single = run(one)
    options = {"callbacks": [Witness(tmp_path)]}
    hardware = Hardware(accelerator="cpu", devices=2, strategy="ddp_spawn", options=options)
    history = run(two, hardware=hardware, patience=5)

    witnesses = [torch.load(tmp_path / f"witness{rank}.pt", weights_only=False) for rank in (0, 1)]
    assert torch.equal(witnesses[0]["weights"], witnesses[1]["weights"])
    for epoch in range(6):
        seen = [cells for witness in witnesses for at, cells in witness["seen"] if at == epoch]
        assert sorted(np.concatenate(seen)) == list(range(9, 64))
    # the same cells in the same batches; batch norm and noise are each process's own
    assert list(history.columns) == list(single.columns)
    assert history["train_loss"].iloc[-1] == pytest.approx(single["train_loss"].iloc[-1], rel=0.3)
    assert all(torch.isfinite(values).all() for values in two.network.state_dict().values())
