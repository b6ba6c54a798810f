"""dcmtk's storescu as installed, n of them at once."""

from __future__ import annotations

import resource
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.errors import BenchmarkFailed
from benchmarks.programs import dcmtk_environment, program

SEND_WITHIN_S = 900.0


def send(
    parts: Sequence[Path], port: int, mode: str, *more: str, within_s: float = SEND_WITHIN_S
) -> tuple[float, float]:
    """Seconds from the first start to the last exit, and the senders' own CPU seconds.

    Each part is one association; `more` are options of storescu.

    Raises
    ------
    BenchmarkFailed
        A sender failed or took too long.
    """
    command = [
        program("storescu"), "-aec", "DICOM_NODE", "+sd", "+r", "--max-send-pdu", "131072",
        *more, "127.0.0.1", str(port),
    ]  # fmt: skip
    environment = dcmtk_environment(mode)
    cpu_before = _children_cpu_s()
    begun = time.perf_counter()
    senders = [
        subprocess.Popen(
            [*command, str(part)], env=environment,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        for part in parts
    ]  # fmt: skip
    try:
        codes = [sender.wait(within_s) for sender in senders]
    except subprocess.TimeoutExpired:
        raise BenchmarkFailed(f"a sender took longer than {within_s:.0f} s") from None
    finally:
        for sender in senders:
            sender.kill()
    seconds = time.perf_counter() - begun
    if any(codes):
        raise BenchmarkFailed(f"{sum(map(bool, codes))} of {len(codes)} senders failed: {codes}")
    return seconds, _children_cpu_s() - cpu_before


def _children_cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
