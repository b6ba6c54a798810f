"""Ways to a repository: syslog over TLS (RFC 5425, PS3.15 A.6) and over UDP (RFC 5426, A.7).

Syslog has no answers. What can be known is that a connection stood while messages were written to
it and some time after, and that the other machine's network has acknowledged them; over UDP, that
the other machine has not said that nobody listens there.
"""

from __future__ import annotations

import fcntl
import socket
import ssl
import struct
import termios
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from dicom_node.audit.syslog import framed

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom_node.config import RepositorySection

CONNECT_WITHIN_S = 10.0
WRITE_WITHIN_S = 30.0
PACE_S = 0.001  # between datagrams: nothing tells a sender that the other side's memory is full


class Wire(Protocol):
    """An open way to a repository. All of it raises OSError where the way is lost."""

    def write(self, lines: Iterable[bytes]) -> None:
        """Give the messages to the network, in order."""

    def look(self) -> bool:
        """Whether the other machine's network has all that was written, as far as can be known."""

    def finish(self, within_s: float) -> bool:
        """End it in order; whether the other side had read all that was written before it went."""

    def close(self) -> None:
        """Let it go."""


class UdpWire:
    """Datagrams; each holds one message."""

    def __init__(self, repository: RepositorySection) -> None:
        host, port = repository.address
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_DGRAM
        )[0]
        self._socket = socket.socket(family, kind, protocol)
        try:
            self._socket.connect(address)  # then the system tells us what comes back of it
        except OSError:
            self._socket.close()
            raise

    def write(self, lines: Iterable[bytes]) -> None:
        """Send the messages, slowly enough for a receiver that is awake."""
        for line in lines:
            self._socket.send(line)
            time.sleep(PACE_S)

    def look(self) -> bool:
        """True; OSError where the other machine said that nobody listens."""
        error = self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            raise OSError(error, "nobody listens there")
        return True

    def finish(self, within_s: float) -> bool:
        """Whether nobody objects for a while."""
        time.sleep(min(within_s, 1.0))
        return self.look()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


class TlsWire:
    """A TLS connection on which both sides have shown certificates; at least TLS 1.2 (B.10)."""

    def __init__(self, repository: RepositorySection) -> None:
        self._socket = connected(repository)

    def write(self, lines: Iterable[bytes]) -> None:
        """Write the messages as one piece."""
        self._socket.sendall(b"".join(map(framed, lines)))

    def look(self) -> bool:
        """Whether the other machine acknowledged every byte; OSError where it has hung up."""
        self._read_what_came()
        return _unacknowledged(self._socket) == 0

    def _read_what_came(self) -> None:
        """Take session tickets, and notice the end.

        What is left unread would make the system break the connection off at our end of it.
        """
        self._socket.settimeout(0)
        try:
            while True:
                if not self._socket.recv(4096):
                    raise ConnectionResetError("it closed the connection")
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return
        finally:
            with suppress(OSError):
                self._socket.settimeout(WRITE_WITHIN_S)

    def finish(self, within_s: float) -> bool:
        """Say that no more comes and wait for the other side to hang up, which it does at the end.

        Where it broke off instead, with something unread, the system says so by another error.
        """
        self._socket.settimeout(max(within_s, 0.01))
        try:
            self._socket.unwrap()
        except ssl.SSLEOFError:  # it hung up without a word of TLS
            return True
        except OSError as error:
            return error.errno == 0  # the same, as older versions of Python put it
        return True

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()


def connected(repository: RepositorySection) -> ssl.SSLSocket:
    """A TLS connection to the repository, with a limit on each write and read.

    Certificates are read anew, so that renewed ones count.

    Raises
    ------
    OSError
        Nobody is there, no certificate fits, or one of our own files cannot be read.
    """
    context = client_context(repository)
    plain = socket.create_connection(repository.address, CONNECT_WITHIN_S)
    try:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        name = repository.certificate_name or repository.host
        secured = context.wrap_socket(plain, server_hostname=name)
    except BaseException:
        plain.close()
        raise
    secured.settimeout(WRITE_WITHIN_S)
    return secured


def client_context(repository: RepositorySection) -> ssl.SSLContext:
    """A context that shows our certificate and accepts the CAs of the settings only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE+AESGCM:ECDHE+CHACHA20")
    if repository.ca and repository.certificate:
        context.load_verify_locations(repository.ca)
        context.load_cert_chain(repository.certificate, repository.key, password="")
    return context


def in_words(error: OSError) -> str:
    """Why there is no way, in plain words."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed: {(error.reason or 'broken off').replace('_', ' ').lower()}"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (error.strerror or str(error)).lower()


def _unacknowledged(connection: socket.socket) -> int:
    """How many bytes the other machine has not acknowledged; 0 where the system does not tell."""
    try:
        told = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, struct.pack("i", 0))
    except OSError:
        return 0
    return int(struct.unpack("i", told)[0])
