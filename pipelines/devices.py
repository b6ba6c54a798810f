"""What this machine can compute on."""

from __future__ import annotations

import ctypes


def find_devices() -> list[str]:
    """``["cuda:0", ...]`` for every GPU that torch can use, or ``["cpu"]``."""
    try:
        ctypes.CDLL("libcuda.so.1")  # the driver; without it there is no need to load torch
    except OSError:
        return ["cpu"]
    import torch  # noqa: PLC0415 - takes seconds

    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [f"cuda:{number}" for number in range(count)] or ["cpu"]
