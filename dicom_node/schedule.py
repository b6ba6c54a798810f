"""Everything the node does by the clock, in one table."""

from __future__ import annotations

import logging
import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from dicom_node.clock_guard import guard_against_set_back
from dicom_node.intake.settle import settle_due
from dicom_node.net.certificate import WARN_DAYS, days_left
from dicom_node.observe.logging import get_log
from dicom_node.trail_watch import Daily
from storage.audit import AuditEvent, list_events, record

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom_node.config import Settings
    from dicom_node.delivery.loops import DeliveryLoops
    from dicom_node.disk_watch import DiskWatch
    from dicom_node.jobs.engine import Engine
    from dicom_node.routing.rule_set import RuleSet
    from dicom_node.trail_watch import TrailWatch
    from storage.db.engine import Database

log = get_log(__name__)

SECOND, MINUTE, HOUR = 1.0, 60.0, 3600.0
STOP_GRACE_S = 10.0  # how long what is being done may go on after the node was told to stop
SECURITY_ALERT = "110113"
NAME_OF_FILE = 48  # what is looked for in the trail must fit into the column of subjects


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every so often, never twice at the same time, first after one interval."""

    name: str
    every_s: float
    do: Callable[[], object]


def duties_of(  # noqa: PLR0913 - one argument for each part that has duties
    db: Database,
    settings: Settings,
    rules: RuleSet,
    engine: Engine,
    deliveries: DeliveryLoops,
    disk: DiskWatch,
    *,
    trail: TrailWatch,
) -> list[Duty]:
    """The node's duties; what is due in a row's own time (jobs, deliveries) is not among them."""
    zone = ZoneInfo(settings.node.time_zone) if settings.node.time_zone else None
    at = settings.trail.verify_time
    # The start verifies; it archives nothing, so a node that is restarted daily must do it later.
    is_done = not settings.trail.keep_days
    daily = Daily(at, zone, trail.look_after, is_done=is_done) if at else None
    return [
        Duty(
            "settle",
            SECOND,
            lambda: settle_due(
                db, settings, rules, engine.enqueue, datetime.now(UTC), disk.full_until
            ),
        ),
        Duty("disk", SECOND, disk.look),
        Duty("deliveries without a destination", MINUTE, deliveries.fail_unaddressed),
        Duty("checkpoint", settings.trail.checkpoint_every_s, trail.sign),
        *([Duty("audit", MINUTE, daily.look)] if daily else []),
        # Looked at every hour, so that a node that is restarted daily warns, too.
        Duty("certificates", HOUR, lambda: look_at_certificates(db, settings, datetime.now(UTC))),
    ]


def begin(duties: Sequence[Duty]) -> BackgroundScheduler:
    """A running scheduler; a duty that breaks is done again at its next time.

    It is logged when it begins to break, not each time, and when it is done again.
    """
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(len(duties))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    logging.getLogger("apscheduler.executors").setLevel(logging.CRITICAL)  # `_Told` tells, once
    logging.getLogger("apscheduler.scheduler").setLevel(logging.ERROR)  # a long duty skips a turn
    scheduler.add_listener(_Told(), EVENT_JOB_ERROR | EVENT_JOB_EXECUTED)
    for duty in duties:
        scheduler.add_job(duty.do, "interval", seconds=duty.every_s, id=duty.name)
    scheduler.start()
    guard_against_set_back(scheduler)
    return scheduler


def end(scheduler: BackgroundScheduler) -> None:
    """Begin no duty any more, and wait a while for those that are being done."""
    ending = threading.Thread(target=scheduler.shutdown, name="end of duties", daemon=True)
    ending.start()
    ending.join(STOP_GRACE_S)


def look_at_certificates(db: Database, settings: Settings, now: datetime) -> None:
    """Warn of each certificate that ends within 30 days, in log and trail, once a day."""
    files = {
        "tls-certificate": settings.tls.certificate,
        "tls-ca": settings.tls.ca if settings.tls.is_on else None,
        "web-certificate": settings.web.tls_certificate,
        **{
            f"repository-{name}"[:NAME_OF_FILE]: one.certificate
            for name, one in settings.repositories.items()
        },
    }
    for name, path in files.items():
        if path is None:
            continue
        try:
            days = days_left(path, now)
        except (OSError, ValueError):
            log.warning("a certificate cannot be read", name=name)
            continue
        if days < WARN_DAYS:
            _warn_of_end(db, name, days, now)


def _warn_of_end(db: Database, name: str, days: int, now: datetime) -> None:
    subject = f"certificate:{name}"
    with db.begin() as session:
        told = list_events(session, limit=1, event=SECURITY_ALERT, subject=subject)
        if told and now - told[0].at < timedelta(days=1):
            return
        text = f"{name} ends in {days} days" if days >= 0 else f"{name} has ended"
        record(session, AuditEvent(SECURITY_ALERT, "E", "node", text, outcome=4, subject=subject))
    log.warning("a certificate ends soon", name=name, days=days)


class _Told:
    """Tells the log of duties that break, and of those that are done again."""

    def __init__(self) -> None:
        self._broken: dict[str, type[BaseException]] = {}

    def __call__(self, event: JobExecutionEvent) -> None:
        before = self._broken.pop(event.job_id, None)
        if event.exception is None:
            if before:
                log.info("duty is done again", duty=event.job_id)
            return
        self._broken[event.job_id] = type(event.exception)
        if before is not type(event.exception):
            log.error("duty broke", duty=event.job_id, error=event.exception)
