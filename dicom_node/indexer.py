"""The indexer process: writes rows for what the receivers stored, so that they need no database.

It is started as ``python -m dicom_node.indexer [--config node.toml] --link-fd N ...``, with one
link for each receiver. It ends as a receiver does.
"""

from __future__ import annotations

import argparse
import os
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from dicom_node.config import Settings, load_settings
from dicom_node.errors import NodeError
from dicom_node.intake.index_office import IndexOffice
from dicom_node.intake.indexer import Indexer
from dicom_node.observe.logging import configure, get_log
from dicom_node.stop import stop_event
from storage.db.engine import Database
from storage.errors import StorageError
from storage.files.local import LocalStore

if TYPE_CHECKING:
    import threading
    from collections.abc import Sequence

log = get_log("dicom_node.indexer")  # not __name__: this is the program that is started

LOOK_S = 1.0
FINISH_S = 20.0
EXIT_BROKEN = 1


def main(argv: Sequence[str] | None = None) -> None:
    """Run until told to stop; the exit code is 0 after a clean stop."""
    arguments = _parse(argv)
    try:
        settings = load_settings(arguments.config)
        configure(settings.log.level, settings.log.format)
        sys.exit(index_until_stopped(settings, arguments.link_fd, stop_event()))
    except (NodeError, StorageError) as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code if isinstance(error, NodeError) else EXIT_BROKEN)


def index_until_stopped(settings: Settings, link_fds: Sequence[int], stop: threading.Event) -> int:
    """Take letters until `stop` is set, then write what has come; the exit code."""
    db = Database(settings.database_url, head_file=settings.node.data_folder / "audit.head")
    indexer = Indexer(db, LocalStore(settings.store_folder), settings)
    offices = [IndexOffice(socket.socket(fileno=number), indexer) for number in link_fds]
    for office in offices:
        office.start()
    log.info("indexer runs", pid=os.getpid(), count=len(offices))
    while not stop.wait(LOOK_S) and indexer.is_alive() and all(map(IndexOffice.is_alive, offices)):
        pass
    is_sound = indexer.is_alive() and all(map(IndexOffice.is_alive, offices))
    if not indexer.finish(FINISH_S):
        log.error("index rows were left unwritten; the next start finds their files")
    db.close()
    log.info("indexer stopped", pid=os.getpid())
    return 0 if is_sound else EXIT_BROKEN


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m dicom_node.indexer")
    parser.add_argument("--config", type=Path, help="settings file; none: defaults")
    parser.add_argument(
        "--link-fd", type=int, action="append", default=[], help="a link left open by the parent"
    )
    return parser.parse_args(argv)


if __name__ == "__main__":
    main()
