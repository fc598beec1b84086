from __future__ import annotations

import torch


def pick_device(device: str | torch.device, *, double: bool = False) -> torch.device:
    """Return the device of this name, or for `'auto'` the GPU where there is one.

    With `double`, one that computes with 64 bits, as exact distances need.

    Raises
    ------
    ValueError
        If torch knows no such device, or this machine has none.
    """
    n = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if isinstance(device, str) and device == "auto":
        return torch.device("cuda" if n["cuda"] else "cpu")
    try:
        chosen = torch.device(device)
    except (RuntimeError, TypeError):
        chosen = None
    if chosen is None or chosen.type not in n:
        raise ValueError(f"device must be 'auto', 'cpu', 'cuda', 'cuda:1', ... or 'mps', got {device!r}.")
    if (chosen.index or 0) >= n[chosen.type]:
        raise ValueError(
            f"device={str(device)!r}, but torch {torch.__version__} sees {n[chosen.type] or 'no'} {chosen.type.upper()} "
            "device(s). Set device='auto' or 'cpu', or install a build of torch and a driver for it."
        )
    if double and chosen.type == "mps":
        raise ValueError("device='mps' has no float64, without which near cells are not told apart. Set device='cpu'.")
    return chosen
