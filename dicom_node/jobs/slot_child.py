"""The child of a slot: ``python -m dicom_node.jobs.slot_child DEVICE``. It alone runs pipelines.

It reads requests (`pipelines.run.RunRequest` as JSON, one a line) from its standard input and
writes progress and one reply each to its standard output. Models stay warm between requests. When
its input ends, its parent is gone or wants no more, and it exits at once, whatever it computes.
``slot_child --devices`` prints the devices of this machine instead.
"""

from __future__ import annotations

import json
import os
import queue
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from dicom_node.jobs.slot import NO_ROOM
from dicom_node.observe.logging import configure, get_log
from dicom_node.observe.redact import describe
from pipelines.devices import find_devices
from pipelines.errors import PipelineRefused
from storage.no_room import lacks_room

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

log = get_log("dicom_node.jobs.slot_child")  # __name__ is __main__
PROGRESS_EVERY_S = 0.5


def main() -> None:
    """Answer requests until the input ends."""
    if sys.argv[1:] == ["--devices"]:
        sys.stdout.write(json.dumps(find_devices()) + "\n")
        return
    device = sys.argv[1]
    replies = _take_pipes()
    requests = _read_requests()
    configure("info", "json")
    _warm_up(device)
    while True:
        answer(requests.get(), lambda said: _say(replies, said))


def answer(request_json: str, say: Callable[[dict[str, Any]], None]) -> None:
    """Run one request and say how it went."""
    from pipelines.run import RunRequest, run  # noqa: PLC0415 - brings torch

    try:
        manifest = run(RunRequest.from_json(request_json), progress=_seldom(say))
    except PipelineRefused as refusal:
        say({"status": "refused", "code": refusal.code, "reason": refusal.reason})
    except Exception as error:
        log.exception("pipeline failed", error=error)
        code = NO_ROOM if lacks_room(error) else type(error).__name__
        say({"status": "failed", "code": code, "reason": describe(error)})
    else:
        say({"status": "succeeded", "manifest": json.loads(manifest.to_json())})


def _take_pipes() -> TextIO:
    """The way to the parent, out of reach of libraries that print or read."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    return replies


def _read_requests() -> queue.SimpleQueue[str]:
    """Requests as they come; the end of the input ends this process."""
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    lines = os.fdopen(os.dup(0), encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)

    def read() -> None:
        for line in lines:
            requests.put(line)
        os._exit(0)

    threading.Thread(target=read, name="requests", daemon=True).start()
    return requests


def _warm_up(device: str) -> None:
    """Load what every pipeline needs while there is nothing to do yet."""
    begun = time.monotonic()
    import pipelines.run  # noqa: F401, PLC0415 - for its imports, which take seconds

    log.info(
        "slot ready", device=device, pid=os.getpid(), seconds=round(time.monotonic() - begun, 1)
    )


def _seldom(say: Callable[[dict[str, Any]], None]) -> Callable[[float], None]:
    last = 0.0

    def tell(part: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last >= PROGRESS_EVERY_S:
            last = now
            say({"progress": round(part, 3)})

    return tell


def _say(replies: TextIO, said: dict[str, Any]) -> None:
    replies.write(json.dumps(said) + "\n")
    replies.flush()


if __name__ == "__main__":
    main()
