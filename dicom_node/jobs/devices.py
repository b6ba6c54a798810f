"""The slots that the settings ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

from dicom_node.errors import NodeError
from dicom_node.jobs.slot import Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

ASK_WITHIN_S = 120.0


def make_slots(wanted: Sequence[str]) -> list[Slot]:
    """One slot for each device; ``auto`` stands for every GPU, or the CPU where there is none.

    The machine's cores are divided among the slots.
    """
    devices = [
        device for name in wanted for device in (find_devices() if name == "auto" else [name])
    ]
    threads = max(1, _cores() // len(devices))
    return [
        Slot(f"{device}-{number}", device, threads=threads) for number, device in enumerate(devices)
    ]


def find_devices() -> list[str]:
    """The devices of this machine, asked of a child process: torch never enters this one.

    Raises
    ------
    NodeError
        The child could not tell; name the devices in ``[jobs] slots``.
    """
    command = [sys.executable, "-P", "-m", "dicom_node.jobs.slot_child", "--devices"]
    try:
        asked = subprocess.run(  # noqa: S603 - this program's own module
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=ASK_WITHIN_S,
            check=True,
        )
        devices = json.loads(asked.stdout)
    except (subprocess.SubprocessError, ValueError):
        raise NodeError(
            "the devices of this machine could not be found out: "
            'name them, such as [jobs] slots = ["cpu"]'
        ) from None
    return [str(device) for device in devices]


def _cores() -> int:
    """How many cores this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS
        return os.cpu_count() or 1
