"""A private PostgreSQL server for the length of a test run."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.tools import program

# Nothing outlives the run, so nothing needs to reach the disk.
SETTINGS = "-c fsync=off -c full_page_writes=off -c synchronous_commit=off -c max_connections=60"


@contextmanager
def private_server() -> Iterator[str]:
    """Address of the server's own database; its files are in a temporary folder and go with it."""
    initdb, pg_ctl = (program(name, package="postgresql") for name in ("initdb", "pg_ctl"))
    # Not pytest's folder: the server runs as another user, who cannot look into that.
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        _give_away(folder)
        data = folder / "data"
        _run(initdb, "-D", data, "-U", "node", "--auth=trust", "--encoding=UTF8", "--no-sync")
        port = _start(pg_ctl, data)
        try:
            yield f"postgresql+psycopg://node@127.0.0.1:{port}/postgres"
        finally:
            _run(pg_ctl, "-D", data, "-m", "immediate", "-w", "stop")


def _start(pg_ctl: str, data: Path) -> int:
    """Port of the started server; another one is tried where the first was taken meanwhile."""
    for attempt in range(5):
        port = _free_port()
        options = f"{SETTINGS} -p {port} -c listen_addresses=127.0.0.1 -k {data.parent}"
        try:
            _run(pg_ctl, "-D", data, "-l", data.parent / "log", "-o", options, "-w", "start")
        except subprocess.CalledProcessError:
            if attempt == 4:
                raise
        else:
            return port
    raise AssertionError("unreachable")


def _run(*command: object) -> None:
    """Run as a user that PostgreSQL accepts: it refuses root."""
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    arguments = [*as_user, *map(str, command)]
    # Not captured by pipes: the server would hold them open for as long as it runs.
    subprocess.run(arguments, check=True, cwd="/", stdout=subprocess.DEVNULL)


def _give_away(folder: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(folder, pwd.getpwnam("postgres").pw_uid)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
