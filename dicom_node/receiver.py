"""A receiver process: listens, stores, indexes, and knows nothing of what becomes of it.

It is started as ``python -m dicom_node.receiver [--config node.toml] [--listen-fd N]
[--tls-listen-fd N]``. It ends cleanly on SIGTERM, and when its standard input closes, which is how
it learns that its parent died.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.config import Settings, load_settings
from dicom_node.errors import NodeError
from dicom_node.intake.receive import Intake
from dicom_node.intake.reindex import index_unrowed
from dicom_node.net.listener import Listeners, adopt_listener
from dicom_node.net.scp import StorageScp
from dicom_node.net.tls import make_context
from dicom_node.observe.logging import configure, get_log
from dicom_node.stop import stop_event
from storage.db.engine import Database
from storage.db.unavailable import DATABASE_UNAVAILABLE
from storage.errors import StorageError
from storage.files.local import LocalStore

if TYPE_CHECKING:
    from collections.abc import Sequence

log = get_log("dicom_node.receiver")  # not __name__: this is the program that is started

LOOK_S = 1.0
TRY_AGAIN_S = 10.0
FINISH_S = 20.0  # how long running associations may go on after SIGTERM
EXIT_BROKEN = 1


def main(argv: Sequence[str] | None = None) -> None:
    """Run until told to stop; the exit code is 0 after a clean stop."""
    arguments = _parse(argv)
    try:
        settings = load_settings(arguments.config)
        configure(settings.log.level, settings.log.format)
        _hush_pydicom()
        listeners = Listeners(
            adopt_listener(arguments.listen_fd), adopt_listener(arguments.tls_listen_fd)
        )
        if settings.tls.is_on and listeners.tls is None:
            make_context(settings.tls)  # nobody else has looked at the certificates
        sys.exit(receive_until_stopped(settings, listeners, stop_event()))
    except (NodeError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code if isinstance(error, NodeError) else EXIT_BROKEN)


def receive_until_stopped(settings: Settings, listeners: Listeners, stop: threading.Event) -> int:
    """Serve until `stop` is set, then finish what is running; the exit code."""
    db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
    store = LocalStore(settings.store_folder)
    intake = Intake(db, store, settings)
    scp = StorageScp(
        settings,
        intake.receive,
        intake.begin,
        intake.end,
        intake.reject,
        listeners,
    )
    scp.start()
    for at in scp.listening:
        over = "TLS" if at.is_tls else "TCP"
        log.info("receiver listens", kind=over, host=at.host, port=at.port, pid=os.getpid())
    threading.Thread(
        target=_index_unrowed, args=(db, store, settings, stop), name="reindex", daemon=True
    ).start()
    while not stop.wait(LOOK_S) and intake.is_alive:
        intake.tell_bursts()
    is_sound = intake.is_alive
    scp.stop(FINISH_S)
    intake.close()
    db.close()
    log.info("receiver stopped", pid=os.getpid())
    return 0 if is_sound else EXIT_BROKEN


def _index_unrowed(
    db: Database, store: LocalStore, settings: Settings, stop: threading.Event
) -> None:
    """Index what an earlier receiver acknowledged and had no time to index."""
    while not stop.is_set():
        try:
            index_unrowed(db, store, settings)
        except DATABASE_UNAVAILABLE:
            log.warning("files without a row could not be looked for; tried again soon")
            stop.wait(TRY_AGAIN_S)
        else:
            return


def _hush_pydicom() -> None:
    """What is odd in a data set is the sender's business; what is refused is logged by the node."""
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dicom_node.receiver")
    parser.add_argument("--config", type=Path, help="settings file; none: defaults")
    parser.add_argument("--listen-fd", type=int, help="a listening socket left open by the parent")
    parser.add_argument("--tls-listen-fd", type=int, help="the same for TLS")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
