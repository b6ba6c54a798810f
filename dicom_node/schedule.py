"""Everything the node does by the clock, in one table."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from apscheduler.events import EVENT_JOB_ERROR, JobExecutionEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from dicom_node.intake.settle import settle_due
from dicom_node.net.certificate import WARN_DAYS, days_left
from dicom_node.observe.health import disk_space
from dicom_node.observe.logging import get_log
from storage.audit import AuditEvent, list_events, record, verify
from storage.errors import AuditBroken

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from dicom_node.config import Settings
    from dicom_node.delivery.loops import DeliveryLoops
    from dicom_node.jobs.engine import Engine
    from dicom_node.routing.rule_set import RuleSet
    from storage.db.engine import Database

log = get_log(__name__)

SECOND, MINUTE, HOUR, DAY = 1.0, 60.0, 3600.0, 86_400.0
SECURITY_ALERT = "110113"


@dataclass(frozen=True, slots=True)
class Duty:
    """Something done every so often, never twice at the same time, first after one interval."""

    name: str
    every_s: float
    do: Callable[[], object]


def duties_of(
    db: Database,
    settings: Settings,
    rules: RuleSet,
    engine: Engine,
    deliveries: DeliveryLoops,
) -> list[Duty]:
    """The node's duties; what is due in a row's own time (jobs, deliveries) is not among them."""
    return [
        Duty(
            "settle",
            SECOND,
            lambda: settle_due(db, settings, rules, engine.enqueue, datetime.now(UTC)),
        ),
        Duty("disk", MINUTE, lambda: look_at_disk(settings)),
        Duty("deliveries without a destination", MINUTE, deliveries.fail_unaddressed),
        Duty("audit", DAY, lambda: verify_trail(db)),
        # Looked at every hour, so that a node that is restarted daily warns, too.
        Duty("certificates", HOUR, lambda: look_at_certificates(db, settings, datetime.now(UTC))),
    ]


def begin(duties: Sequence[Duty]) -> BackgroundScheduler:
    """A running scheduler; a duty that breaks is logged, and done again at its next time."""
    scheduler = BackgroundScheduler(
        timezone="UTC",
        executors={"default": ThreadPoolExecutor(len(duties))},
        job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
    )
    scheduler.add_listener(_tell_error, EVENT_JOB_ERROR)
    for duty in duties:
        scheduler.add_job(duty.do, "interval", seconds=duty.every_s, id=duty.name)
    scheduler.start()
    return scheduler


def look_at_disk(settings: Settings) -> None:
    """Warn while there is little room for what may come."""
    receive = settings.receive
    space = disk_space(
        settings.node.data_folder, warn_mb=receive.disk_warn_mb, reserve_mb=receive.disk_reserve_mb
    )
    if space.verdict != "ok":
        log.warning("little disk space", state=space.verdict, free_mb=space.free_mb)


def verify_trail(db: Database) -> None:
    """Verify the audit trail; where it is broken, say so in the log and in the trail itself."""
    if db.head_file is None:
        return
    try:
        log.info("audit trail verified", rows=verify(db, db.head_file))
    except AuditBroken as broken:
        log.error("audit trail broken", seq=broken.seq, reason=broken.reason)  # noqa: TRY400 - the place in our code says nothing
        with db.begin() as session:
            text = f"the audit trail does not verify: {broken}"
            record(session, AuditEvent(SECURITY_ALERT, "E", "node", text, outcome=8))


def look_at_certificates(db: Database, settings: Settings, now: datetime) -> None:
    """Warn of each certificate that ends within 30 days, in log and trail, once a day."""
    files = {
        "tls-certificate": settings.tls.certificate,
        "tls-ca": settings.tls.ca if settings.tls.is_on else None,
        "web-certificate": settings.web.tls_certificate,
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


def _tell_error(event: JobExecutionEvent) -> None:
    log.error("duty broke", duty=event.job_id, error=event.exception)
