"""rsyslog as an audit repository on ports of its own: UDP, and mutual TLS."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from dicom_node.config import RepositorySection
from dicom_node.demo.pacs import free_port
from tests.certificates import Authority, Issued
from tests.receiving import wait_until
from tests.tools import program

CONFIGURATION = """\
global(workDirectory="{folder}" defaultNetstreamDriverCAFile="{ca}"
  defaultNetstreamDriverCertFile="{certificate}" defaultNetstreamDriverKeyFile="{key}"
  maxMessageSize="64k")
module(load="imudp")
input(type="imudp" port="{udp_port}" address="127.0.0.1" rcvbufSize="8m" ruleset="udp")
module(load="imtcp" StreamDriver.Name="gtls" StreamDriver.Mode="1"
  StreamDriver.AuthMode="x509/certvalid")
input(type="imtcp" port="{tls_port}" ruleset="tls" supportOctetCountedFraming="on")
template(name="line" type="string" string="%pri%|%timestamp:::date-rfc3339%|%hostname%|%app-name%|\
%procid%|%msgid%|%structured-data%|%msg%\\n")
ruleset(name="udp"){{ action(type="omfile" file="{folder}/udp.log" template="line") }}
ruleset(name="tls"){{ action(type="omfile" file="{folder}/tls.log" template="line") }}
"""
BOM = "\ufeff"


@dataclass(frozen=True)
class Message:
    """A message as rsyslog understood it."""

    priority: str
    time: str
    host: str
    program: str
    pid: str
    message_id: str
    structured: str
    text: str

    @property
    def xml(self) -> str:
        return self.text.removeprefix(BOM)


class Repository:
    """May be started and killed any number of times; what it got is kept."""

    def __init__(self, folder: Path, authority: Authority, node: Issued) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.udp_port, self.tls_port = free_port(), free_port()
        self._authority, self._node = authority, node
        self._process: subprocess.Popen[bytes] | None = None
        own = authority.issue("repository", also="DNS:localhost,IP:127.0.0.1")
        self._config = folder / "rsyslog.conf"
        self._config.write_text(
            CONFIGURATION.format(
                folder=folder, ca=authority.certificate, certificate=own.certificate, key=own.key,
                udp_port=self.udp_port, tls_port=self.tls_port,
            )
        )  # fmt: skip

    def section(self, transport: str) -> RepositorySection:
        return RepositorySection.model_validate(self._values(transport))

    def toml(self) -> str:
        """Both ways to it, as settings of a node."""
        lines = []
        for transport in ("udp", "tls"):
            values = self._values(transport)
            lines += [f"[repositories.{transport}]", *(f"{k} = {v!r}" for k, v in values.items())]
        return "\n".join(lines) + "\n"

    def _values(self, transport: str) -> dict[str, object]:
        values: dict[str, object] = {"host": "127.0.0.1", "transport": transport}
        if transport == "udp":
            return {**values, "port": self.udp_port}
        files = {
            "ca": self._authority.certificate, "certificate": self._node.certificate,
            "key": self._node.key,
        }  # fmt: skip
        return {**values, "port": self.tls_port, **{k: str(v) for k, v in files.items()}}

    def start(self) -> None:
        """Return when it listens on both ports."""
        command = [program("rsyslogd", package="rsyslog"), "-n", "-f", self._config,
                   "-i", self.folder / "pid"]  # fmt: skip
        log = (self.folder / "said.txt").open("ab")
        with log:
            self._process = subprocess.Popen(list(map(str, command)), stdout=log, stderr=log)
        wait_until(self._listens)

    def kill(self) -> None:
        """Gone at once, with what it had not read."""
        if self._process:
            self._process.kill()
            self._process.wait()
            (self.folder / "pid").unlink(missing_ok=True)
        self._process = None

    def got(self, transport: str) -> list[Message]:
        """Every message that came this way, in the order in which it came."""
        lines: list[str] = []
        with suppress(FileNotFoundError):
            text = (self.folder / f"{transport}.log").read_text(encoding="utf-8")
            lines = text.removesuffix("\n").split("\n") if text else []
        return [Message(*line.split("|", 7)) for line in lines if line.count("|") >= 7]

    def _listens(self) -> bool:
        assert self._process
        assert self._process.poll() is None, (self.folder / "said.txt").read_text()
        held = Path("/proc/net/tcp").read_text() + Path("/proc/net/udp").read_text()
        return all(f":{port:04X} " in held for port in (self.udp_port, self.tls_port))


@contextmanager
def a_repository(folder: Path, *, started: bool = True) -> Iterator[Repository]:
    """A repository with an authority that knows the node; gone after the block."""
    authority = Authority(folder / "ca")
    repository = Repository(folder / "arr", authority, authority.issue("node"))
    try:
        if started:
            repository.start()
        yield repository
    finally:
        repository.kill()


def wait_for_messages(repository: Repository, transport: str, count: int) -> list[Message]:
    """The messages, as soon as so many different ones have come."""

    def came() -> list[Message]:
        found = repository.got(transport)
        return found if len(set(found)) >= count else []

    found: list[Message] = wait_until(came, 60)
    time.sleep(0.2)  # what should not come any more
    return found
