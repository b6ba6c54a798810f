"""The core process, and the only place that knows all of the node's parts.

``python -m dicom_node.node [--config node.toml]``: settles and decides studies, runs jobs in slots,
delivers, keeps the clock, serves the admin page. It receives nothing: `dicom_node.receiver` does.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node import __version__
from dicom_node.audit.feeds import Feeds
from dicom_node.commitment.loops import ReportLoops
from dicom_node.config import Settings, load_settings
from dicom_node.data_folder import open_data_folder
from dicom_node.delivery.loops import DeliveryLoops
from dicom_node.disk_watch import DiskWatch
from dicom_node.errors import NodeError
from dicom_node.intake.reindex import index_unrowed
from dicom_node.jobs.bench import Bench
from dicom_node.jobs.devices import make_slots
from dicom_node.jobs.engine_local import LocalEngine
from dicom_node.jobs.equipment import device_uid_of
from dicom_node.observe.health import DiskGauge
from dicom_node.observe.logging import configure, get_log
from dicom_node.rulebook import load_rulebook
from dicom_node.schedule import begin, duties_of, end, look_at_certificates
from dicom_node.stop import stop_event
from dicom_node.trail_watch import TrailWatch
from dicom_node.web.app import create_app
from dicom_node.web.auth import first_admin_link
from dicom_node.web.serve import serve
from dicom_node.witness import archive_folder_of, notary_of, proof_of
from pipelines.errors import PipelineError
from pipelines.registry import load_cards
from storage.audit import AuditEvent, record
from storage.db.engine import Database
from storage.db.schema import check
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import StorageError
from storage.files.local import LocalStore
from storage.retention import Archiver

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

log = get_log("dicom_node.node")  # __name__ is __main__

LOOK_S = 1.0
STOP_GRACE_S = 10.0  # how long a running job and a delivery may go on after SIGTERM
LAST_WORDS_S = 5.0  # for the last audit messages
APPLICATION_ACTIVITY, STARTED, STOPPED = "110100", "110120", "110121"  # PS3.15 A.5.3.1


def main(argv: Sequence[str] | None = None) -> None:
    """Run until told to stop; the exit code is 0 after a clean stop."""
    parser = argparse.ArgumentParser(prog="python -m dicom_node.node")
    parser.add_argument("--config", type=Path, help="settings file; none: defaults")
    arguments = parser.parse_args(argv)
    stop = stop_event()
    try:
        settings = load_settings(arguments.config)
        configure(settings.log.level, settings.log.format)
        run_core(settings, stop)
    except (NodeError, StorageError, PipelineError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code if isinstance(error, NodeError) else NodeError.exit_code)
    except DATABASE_UNAVAILABLE as error:  # its supervisor starts the core again
        log.error("the database is locked, full or out of reach", error=error)  # noqa: TRY400 - its kind
        sys.exit(NodeError.exit_code)


def run_core(settings: Settings, stop: threading.Event) -> None:
    """Put the parts together, run them until `stop` is set, and take them apart."""
    open_data_folder(settings.node.data_folder)
    with ExitStack() as parts:
        db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
        parts.callback(db.close)
        check(db)
        store = LocalStore(settings.store_folder)
        store.sweep_parts()
        shutil.rmtree(settings.work_folder, ignore_errors=True)
        cards = load_cards()
        rules = load_rulebook(settings)
        trail = _trail_watch(db, settings, parts)
        trail.verify()  # before this life of the node adds to it
        look_at_certificates(db, settings, datetime.now(UTC))
        feeds = _begin_life(db, settings, trail, parts)

        deliveries = DeliveryLoops(db, store, settings)
        device_uid = device_uid_of(settings.node.data_folder)
        disk = DiskGauge(settings)
        engine = LocalEngine(Bench(db, store, settings, device_uid, deliveries.wake), disk)
        served = serve(
            create_app(db, store, settings, engine, cards, disk, trail=trail.gauge), settings
        )
        parts.callback(served.stop)
        _announce(db, served.url)

        # Files that a crash left without a row belong to their study before it is settled.
        index_unrowed(db, store, settings)
        deliveries.start()
        parts.callback(deliveries.stop, STOP_GRACE_S)
        reports = ReportLoops(db, store, settings)
        reports.start()
        parts.callback(reports.stop, STOP_GRACE_S)
        engine.serve(make_slots(settings.jobs.slots))
        parts.callback(engine.stop, STOP_GRACE_S)
        duties = duties_of(
            db, settings, rules, engine, deliveries, DiskWatch(disk, db), trail=trail
        )
        scheduler = begin(duties)
        parts.callback(end, scheduler)
        log.info("core runs", pid=os.getpid(), version=__version__)
        while not stop.wait(LOOK_S) and all(
            part.is_alive for part in (engine, deliveries, reports, feeds)
        ):
            pass
        if not stop.is_set():
            raise NodeError("a part of the core ended; its supervisor starts the core again")
        log.info("core stops", pid=os.getpid())


def _announce(db: Database, url: str) -> None:
    """Tell the person at the terminal where the page is; the log never has the link."""
    sys.stdout.write(f"admin page on {url}\n")
    link = first_admin_link(db, url)
    if link:
        sys.stdout.write(f"make the first admin within a day, once: {link}\n")
    sys.stdout.flush()


def _trail_watch(db: Database, settings: Settings, parts: ExitStack) -> TrailWatch:
    """The watch over the trail, with an archiver if rows shall be moved out of it."""
    notary, proof = notary_of(db, settings), proof_of(settings)
    if not settings.trail.keep_days:
        return TrailWatch(db, notary, proof)
    own = settings.trail.archiver_url
    archiving = Database(own, head_file=db.head_file) if own else db
    if own:
        parts.callback(archiving.close)
    archiver = Archiver(archiving, notary, proof, archive_folder_of(settings))
    keep = timedelta(days=settings.trail.keep_days)
    return TrailWatch(db, notary, proof, archiver, keep, tuple(settings.repositories))


def _begin_life(db: Database, settings: Settings, trail: TrailWatch, parts: ExitStack) -> Feeds:
    """Record and sign the start, and in the end the stop; the repositories are told both."""
    feeds = Feeds(db, settings)
    parts.callback(feeds.stop, LAST_WORDS_S)
    _record(db, STARTED, f"dicom-node {__version__} started")
    parts.callback(trail.sign_last)
    parts.callback(_record_stop, db)
    trail.sign()
    feeds.start()
    return feeds


def _record(db: Database, event_type: str, text: str) -> None:
    with db.begin() as session:
        record(
            session,
            AuditEvent(
                APPLICATION_ACTIVITY, "E", "node", text, event_type=event_type, subject="node"
            ),
        )


def _record_stop(db: Database) -> None:
    try:
        _record(db, STOPPED, f"dicom-node {__version__} stopped")
    except DATABASE_UNAVAILABLE as error:  # such as a full disk: no reason for an unclean stop
        log.warning("the database took no row of the stop", error=error)


if __name__ == "__main__":
    main()
