"""`run_job`, the only function that runs a job, whichever engine has picked it."""

from __future__ import annotations

import json
import shutil
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom_node.errors import SlotLost, SlotTimedOut
from dicom_node.jobs.attempt import claim, give_back, give_back_uncounted, refuse
from dicom_node.jobs.publish import publish
from dicom_node.jobs.request import request_of
from dicom_node.jobs.slot import NO_ROOM
from dicom_node.observe.logging import get_log
from dicom_node.observe.redact import describe
from pipelines.manifest import Manifest
from storage.db.queries.jobs import note_progress
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import StaleTransition
from storage.no_room import lacks_room

if TYPE_CHECKING:
    from collections.abc import Callable

    from dicom_node.jobs.attempt import Attempt
    from dicom_node.jobs.bench import Bench
    from dicom_node.jobs.slot import Reply, Slot

log = get_log(__name__)

PROGRESS_EVERY_S = 2.0
TRY_AGAIN_S = 1.0


def run_job(job_id: int, slot: Slot, bench: Bench) -> bool:
    """Claim the job, run it in the slot, and publish, refuse or give it back.

    It never raises. False where not even the outcome can be written, such as with the database
    gone: the job stays ``queued``, or ``running`` without a slot, and the engine gives it back
    later.
    """
    try:
        attempt = claim(job_id, slot, bench)
        if attempt is None:
            return True
        try:
            reply = _run(attempt, slot, bench)
        finally:  # before the outcome is written, which may need the room
            shutil.rmtree(attempt.folder, ignore_errors=True)
        _end(attempt, reply, slot, bench)
    except StaleTransition:
        log.info("attempt is stale", job=job_id, slot=slot.name)
    except Exception:
        log.exception("attempt could not be ended", job=job_id, slot=slot.name)
        return False
    return True


def _run(attempt: Attempt, slot: Slot, bench: Bench) -> Reply:
    """What the slot replied, a success published; what broke on the way is a failure too."""
    begun = time.monotonic()
    log.info("job started", job=attempt.job_id, attempt=attempt.number, slot=slot.name)
    try:
        attempt.folder.mkdir(parents=True)
        reply = slot.run(
            request_of(attempt, slot.device, bench).to_json(),
            bench.settings.jobs.timeout_s,
            _note_progress(attempt, bench),
            label=(attempt.job_id, attempt.number),
        )
        if reply["status"] == "succeeded":
            outputs = publish(attempt, Manifest.from_json(json.dumps(reply["manifest"])), bench)
            bench.on_published()
            took = round(time.monotonic() - begun, 1)
            log.info("job succeeded", job=attempt.job_id, outputs=outputs, seconds=took)
    except StaleTransition:
        raise
    except Exception as error:  # noqa: BLE001 - whatever broke, the job is given back with it
        if slot.is_closed:  # the node stops
            return {"status": "stopped"}
        code, reason = _explain(error)
        return {"status": "failed", "code": code, "reason": reason}
    return reply


def _end(attempt: Attempt, reply: Reply, slot: Slot, bench: Bench) -> None:
    """Write how an attempt ended that has published nothing, once there is room to write it."""
    while True:
        try:
            _note_end(attempt, reply, bench)
        except DATABASE_UNAVAILABLE as error:
            if slot.is_closed or not lacks_room(error):
                raise
            time.sleep(TRY_AGAIN_S)
        else:
            return


def _note_end(attempt: Attempt, reply: Reply, bench: Bench) -> None:
    if reply["status"] == "refused":
        refuse(attempt, reply["code"], reply["reason"], bench)
    elif reply["status"] == "stopped":
        reason = "the node was stopped while the job ran"
        with suppress(*DATABASE_UNAVAILABLE):  # then the next start queues it again
            give_back_uncounted(attempt, bench, "node-stopped", reason, 0.0)
    elif reply["status"] == "failed" and reply["code"] == NO_ROOM:
        # The longest pause: a job whose results never fit is not to run all the time.
        reason = "there was no room on the disk for its results"
        longest_s = bench.settings.jobs.retry_after_s[-1]
        give_back_uncounted(attempt, bench, NO_ROOM, reason, longest_s)
    elif reply["status"] == "failed":
        give_back(attempt.job_id, attempt.number, reply["code"], reply["reason"], bench)


def _explain(error: Exception) -> tuple[str, str]:
    """A stable word and a plain sentence for what ended the attempt."""
    if isinstance(error, SlotTimedOut):
        return "timed-out", str(error)
    if isinstance(error, SlotLost):
        return "worker-lost", str(error)
    if lacks_room(error):
        return NO_ROOM, describe(error)
    log.error("attempt broke", error=error)
    return type(error).__name__, describe(error)


def _note_progress(attempt: Attempt, bench: Bench) -> Callable[[float], None]:
    """Writes progress into the job's row now and then; it may be lost, the job may not."""
    last = time.monotonic()

    def note(part: float) -> None:
        nonlocal last
        now = time.monotonic()
        if now - last < PROGRESS_EVERY_S:
            return
        last = now
        try:
            with bench.db.begin() as session:
                note_progress(session, attempt.job_id, attempt.number, part)
        except DATABASE_UNAVAILABLE:
            log.debug("progress not noted", job=attempt.job_id)

    return note
