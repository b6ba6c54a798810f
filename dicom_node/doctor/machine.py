"""Checks that this computer gives what the node needs: folder, disk, clock, open files, GPU."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from dicom_node.doctor.finding import Finding
from dicom_node.observe.health import DiskGauge

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom_node.config import ReceiveSection, Settings

FIRST_YEAR = 2026  # no clock that is right shows an earlier one than this program's
GPU_TIMEOUT_S = 120
# torch takes seconds and hundreds of MB to load: asked in a process of its own.
_ASK_TORCH = """
import json, torch
count = torch.cuda.device_count() if torch.cuda.is_available() else 0
print(json.dumps([torch.cuda.get_device_name(i) for i in range(count)]))
"""


def check(settings: Settings) -> Iterator[Finding]:
    """Every check of the computer itself."""
    yield check_folder(settings.node.data_folder)
    yield check_disk(settings)
    yield check_clock(settings.node.time_zone, datetime.now(UTC))
    yield check_open_files(settings.receive)
    yield check_devices(settings.jobs.slots, _ASK_TORCH)


def check_folder(folder: Path) -> Finding:
    """Whether the data folder can be written, and by nobody else read."""
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        text = f"{there} cannot be written: {error.strerror}"
        return Finding("data folder", ok=False, text=text)
    if there != folder:
        return Finding("data folder", ok=True, text=f"{folder} will be made at the first start")
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & 0o077:
        text = f"{folder} has mode {mode:04o}, so others can read patients' images: chmod 700 it"
        return Finding("data folder", ok=False, text=text)
    return Finding("data folder", ok=True, text=f"{folder} is writable, mode {mode:04o}")


def check_disk(settings: Settings) -> Finding:
    """Free space against the steps of the ladder."""
    receive = settings.receive
    space = DiskGauge(settings).look()
    free = f"{space.free_mb} MB free of {space.total_mb} MB"
    if space.lacks_files:
        text = f"{free}, but the file system can hold no more files (inodes): nothing is received"
        return Finding("disk", ok=False, text=text)
    if space.verdict == "full":
        text = f"{free}, below disk_reserve_mb = {receive.disk_reserve_mb}: nothing is received"
        return Finding("disk", ok=False, text=text)
    if space.verdict == "tight":
        text = f"{free}, below disk_pause_mb = {receive.pause_below_mb}: no job is started"
        return Finding("disk", ok=False, text=text)
    if space.verdict == "low":
        text = f"{free}, below disk_warn_mb = {receive.disk_warn_mb}"
        return Finding("disk", ok=None, text=text)
    return Finding("disk", ok=True, text=free)


def check_clock(time_zone: str, now: datetime) -> Finding:
    """Whether the clock shows a year that can be, and which zone written dates are in."""
    local = now.astimezone(ZoneInfo(time_zone) if time_zone else None)
    text = f"{local:%Y-%m-%d %H:%M}, zone {time_zone or local.tzname()} ({local:%z})"
    if not FIRST_YEAR <= now.year < FIRST_YEAR + 50:
        return Finding("clock", ok=False, text=f"{text}: set the clock, results carry its date")
    return Finding("clock", ok=True, text=text)


def check_open_files(receive: ReceiveSection) -> Finding:
    """Whether a receiver may open as many files as its connections can need."""
    try:
        import resource  # noqa: PLC0415 - not on every system
    except ImportError:
        return Finding("open files", ok=None, text="this system does not tell its limit")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    # A socket for each connection; a file, its folder and one to spare for each association.
    needed = 64 + receive.max_connections + 3 * receive.max_associations
    if limit != resource.RLIM_INFINITY and limit < needed:
        text = f"the limit is {limit}, max_connections = {receive.max_connections} and "
        text += f"max_associations = {receive.max_associations} can need {needed}"
        return Finding("open files", ok=False, text=f"{text}: raise LimitNOFILE or ulimit -n")
    return Finding("open files", ok=True, text=f"the limit is {limit}, {needed} can be needed")


def check_devices(slots: list[str], ask: str) -> Finding:
    """Which GPUs torch sees, and whether every configured slot has its device."""
    try:
        answer = subprocess.run(  # noqa: S603 - our own interpreter and our own text
            [sys.executable, "-c", ask],
            capture_output=True, text=True, timeout=GPU_TIMEOUT_S, check=False,
            env={**os.environ, "PYTHONWARNINGS": "ignore"},
        )  # fmt: skip
        names = json.loads(answer.stdout) if answer.returncode == 0 else None
    except (OSError, subprocess.TimeoutExpired, json.JSONDecodeError):
        names = None
    if names is None:
        text = "torch cannot be loaded, so no pipeline with a network runs"
        return Finding("devices", ok=False, text=text)
    absent = [
        slot for slot in slots
        if slot.startswith("cuda:") and int(slot.removeprefix("cuda:")) >= len(names)
    ]  # fmt: skip
    if absent:
        seen = f"torch sees {len(names)} CUDA GPU{'' if len(names) == 1 else 's'}"
        return Finding("devices", ok=False, text=f"no device for slot {', '.join(absent)}: {seen}")
    if not names:
        return Finding("devices", ok=None, text="no CUDA GPU: CPU is used")
    listed = ", ".join(f"cuda:{number} {name}" for number, name in enumerate(names))
    return Finding("devices", ok=True, text=listed)
