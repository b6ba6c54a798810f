"""Everything the node does by the clock, in one table."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

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
        *([Duty("audit", MINUTE, Daily(at, zone, trail.look_after).look)] if at else []),
        # Looked at every hour, so that a node that is restarted daily warns, too.
        Duty("certificates", HOUR, lambda: look_at_certificates(db, settings, datetime.now(UTC))),
    ]


def begin(duties: Sequence[Duty]) -> Schedule:
    """The duties, running; a duty that breaks is done again at its next time.

    It is logged when it begins to break, not each time, and when it is done again.
    """
    return Schedule(duties)


class Schedule:
    """A thread for each duty. They wait by a clock that nobody sets, so none stands still."""

    def __init__(self, duties: Sequence[Duty]) -> None:
        self._stop = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, args=(duty,), name=f"duty {duty.name}", daemon=True)
            for duty in duties
        ]
        for thread in self._threads:
            thread.start()

    def shutdown(self) -> None:
        """Begin no duty any more, and wait a while for those that are being done."""
        self._stop.set()
        deadline = time.monotonic() + STOP_GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def _run(self, duty: Duty) -> None:
        broken: type[Exception] | None = None
        due = time.monotonic() + duty.every_s
        while not self._stop.wait(max(0.0, due - time.monotonic())):
            try:
                duty.do()
            except Exception as error:  # noqa: BLE001 - the duty would never be done again
                if broken is not type(error):
                    log.error("duty broke", duty=duty.name, error=error)  # noqa: TRY400 - its kind
                broken = type(error)
            else:
                if broken:
                    log.info("duty is done again", duty=duty.name)
                broken = None
            due = max(due + duty.every_s, time.monotonic())


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
