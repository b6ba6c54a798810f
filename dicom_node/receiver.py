"""A receiver process: listens, stores, and knows nothing of what becomes of it.

It is started as ``python -m dicom_node.receiver [--config node.toml] [--listen-fd N]
[--tls-listen-fd N] [--index-fd N]``. Without a link to the indexer it is its own. It ends cleanly
on SIGTERM, and when its standard input closes, which is how it learns that its parent died.
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import socket
import sys
import warnings
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.lean import be_lean, look_away

if __name__ == "__main__":
    be_lean()

from pydicom.config import IGNORE
from pydicom.config import settings as pydicom_settings

from dicom_node.commitment.on_demand import DeskOnDemand
from dicom_node.config import Settings, load_settings
from dicom_node.errors import NodeError
from dicom_node.intake.index_link import IndexLink
from dicom_node.intake.receive import Intake
from dicom_node.net.listener import Listeners, adopt_listener
from dicom_node.net.scp import StorageScp
from dicom_node.net.tls import make_context
from dicom_node.observe.logging import configure, get_log
from dicom_node.stop import stop_event
from storage.errors import StorageError
from storage.files.local import LocalStore

if TYPE_CHECKING:
    import threading
    from collections.abc import Iterator, Sequence

    from dicom_node.intake.index import Index

log = get_log("dicom_node.receiver")  # not __name__: this is the program that is started

LOOK_S = 1.0
FINISH_S = 20.0  # how long running associations may go on after SIGTERM
EXIT_BROKEN = 1


def main(argv: Sequence[str] | None = None) -> None:
    """Run until told to stop; the exit code is 0 after a clean stop."""
    arguments = _parse(argv)
    try:
        settings = load_settings(arguments.config)
        configure(settings.log.level, settings.log.format)
        _hush_pydicom()
        _allow_many_connections()
        stop = stop_event()
        store = LocalStore(settings.store_folder)
        listeners = Listeners(
            adopt_listener(arguments.listen_fd), adopt_listener(arguments.tls_listen_fd)
        )
        if settings.tls.is_on and listeners.tls is None:
            make_context(settings.tls)  # nobody else has looked at the certificates
        with _index(settings, store, arguments.index_fd) as index:
            sys.exit(receive_until_stopped(settings, store, index, listeners, stop))
    except (NodeError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code if isinstance(error, NodeError) else EXIT_BROKEN)


def receive_until_stopped(
    settings: Settings,
    store: LocalStore,
    index: Index,
    listeners: Listeners,
    stop: threading.Event,
) -> int:
    """Serve until `stop` is set, then finish what is running; the exit code."""
    intake = Intake(store, settings, index)
    scp = StorageScp(
        settings,
        intake,
        listeners,
        commitments=DeskOnDemand(store, settings),
        stock=settings.receive.stock_path,
    )
    look_away()
    scp.start()
    log.info("receiver runs", pid=os.getpid(), method="fast" if scp.fast else "stock")
    for at in scp.listening:
        over = "TLS" if at.is_tls else "TCP"
        log.info("receiver listens", kind=over, host=at.host, port=at.port, pid=os.getpid())
    while not stop.wait(LOOK_S) and intake.is_alive:
        intake.tell_bursts()
        intake.show_life()
    is_sound = intake.is_alive
    scp.stop(FINISH_S)
    intake.close()
    log.info("receiver stopped", pid=os.getpid())
    return 0 if is_sound else EXIT_BROKEN


@contextmanager
def _index(settings: Settings, store: LocalStore, index_fd: int | None) -> Iterator[Index]:
    """The indexer at the other end of the link, or one of this process's own."""
    if index_fd is not None:
        with socket.socket(fileno=index_fd) as link:
            yield IndexLink(link)
        return
    from dicom_node.intake.indexer import Indexer  # noqa: PLC0415 - a linked receiver needs none
    from storage.db.engine import Database  # noqa: PLC0415

    db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
    indexer = Indexer(db, store, settings)
    indexer.rescan()
    yield indexer
    db.close()


def _allow_many_connections() -> None:
    """Take as many descriptors as the system gives: each connection needs some."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _hush_pydicom() -> None:
    """What is odd in a data set is the sender's business; what is refused is logged by the node.

    So nothing is looked at only to be warned of: that was a fifth of an association's set-up.
    """
    pydicom_settings.reading_validation_mode = IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dicom_node.receiver")
    parser.add_argument("--config", type=Path, help="settings file; none: defaults")
    parser.add_argument("--listen-fd", type=int, help="a listening socket left open by the parent")
    parser.add_argument("--tls-listen-fd", type=int, help="the same for TLS")
    parser.add_argument("--index-fd", type=int, help="a link to the indexer, likewise")
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
