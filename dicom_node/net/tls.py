"""The TLS side of reception: contexts by profile, kept up to date, and handshakes in plain words.

Both profiles refuse anything below TLS 1.2 (PS3.15 B.10, B.11). Of TLS 1.2 they offer ECDHE with an
AEAD cipher only: Python cannot set the length of DHE keys, and then DHE is not to be selected
(PS3.15 B.13). TLS 1.3 has no others. No tickets are given, so that a session is resumed by TLS 1.2
only, while nothing on disk changed; and what a peer showed must still hold then.
"""

from __future__ import annotations

import select
import socket
import ssl
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from dicom_node.errors import ConfigInvalid
from dicom_node.net.errors import HandshakeFailed, NothingSaid
from dicom_node.net.handshake_words import EXPIRED, in_words
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from pathlib import Path

    from dicom_node.config import TlsSection

log = get_log(__name__)

CIPHERS = {
    "non-downgrading": "ECDHE+AESGCM",
    "extended": "ECDHE+AES256+AESGCM:ECDHE+CHACHA20",
}
VERIFY = {
    "required": ssl.CERT_REQUIRED,
    "optional": ssl.CERT_OPTIONAL,
    "none": ssl.CERT_NONE,
}
LEAST_S = 0.01
HANDSHAKE = b"\x16"  # a record of the handshake protocol (RFC 8446 5.1)
ASSOCIATE = b"\x01"  # an A-ASSOCIATE-RQ (PS3.8 9.3.2)

Stamp = tuple[tuple[int, int, int], ...]


def make_context(tls: TlsSection) -> ssl.SSLContext:
    """A context for the server side, with the certificates as they are on disk now.

    Raises
    ------
    ConfigInvalid
        A file is missing, unreadable or no PEM, or the key does not belong to the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS[tls.profile])
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE | ssl.OP_NO_COMPRESSION
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.num_tickets = 0
    context.verify_mode = VERIFY[tls.client_certificate]
    if tls.certificate is None or tls.key is None:
        raise ConfigInvalid("[tls] certificate and key are not set")
    _try_to_read(tls.certificate, tls.key, *([tls.ca] if tls.ca else []))
    try:
        context.load_cert_chain(tls.certificate, tls.key, password="")  # asks no terminal for one
    except ssl.SSLError:
        raise ConfigInvalid(
            f"[tls] {tls.certificate} and {tls.key} are not a PEM certificate and its key "
            "(a key with a password cannot be used)"
        ) from None
    if tls.ca and context.verify_mode is not ssl.CERT_NONE:
        try:
            context.load_verify_locations(tls.ca)
        except ssl.SSLError:
            raise ConfigInvalid(f"[tls] ca = {tls.ca} holds no PEM certificate") from None
    return context


def _try_to_read(*paths: Path) -> None:
    for path in paths:  # names the one that is missing; ssl does not
        try:
            path.open("rb").close()
        except OSError as error:
            raise ConfigInvalid(f"[tls] {path}: {error.strerror}") from None


class TlsDoor:
    """Shakes hands with peers; certificates that change on disk count from the next peer on.

    Files that cannot be used keep nobody from making a door: a receiver that is started again has
    to serve its plain port whatever became of them meanwhile. Start with `make_context` to know.
    """

    def __init__(self, tls: TlsSection) -> None:
        self._tls = tls
        self._lock = threading.Lock()
        self._stamp: Stamp | None = None
        self._context: ssl.SSLContext | None = None
        with suppress(HandshakeFailed):
            self.context()

    def context(self) -> ssl.SSLContext:
        """The context of the certificates on disk, or of the last ones that could be used.

        Raises
        ------
        HandshakeFailed
            None could be used so far.
        """
        with self._lock:
            stamp = self._look()
            if stamp != self._stamp:
                self._reload()
                self._stamp = stamp
            if self._context is None:
                raise HandshakeFailed("this node's own certificate cannot be used, see its log")
            return self._context

    def shake_hands(self, connection: socket.socket) -> ssl.SSLSocket:
        """The connection, encrypted, with the timeout that it came with.

        Raises
        ------
        HandshakeFailed
            With the reason in plain words; the connection is closed.
        """
        limit_s = self._tls.handshake_timeout_s
        until = time.monotonic() + limit_s
        patience_s = connection.gettimeout()
        try:
            self._expect_handshake(connection, limit_s)
            connection = secured = self.context().wrap_socket(
                connection, server_side=True, do_handshake_on_connect=False
            )
            secured.settimeout(max(until - time.monotonic(), LEAST_S))
            secured.do_handshake()
            secured.settimeout(patience_s)
            _check_it_still_holds(secured)
        except OSError as error:  # all of ssl's errors are
            close_gently(connection)
            raise HandshakeFailed(in_words(error, limit_s)) from None
        except BaseException:
            connection.close()
            raise
        return secured

    def _expect_handshake(self, connection: socket.socket, limit_s: float) -> None:
        """Return when the peer begins a handshake; what it sent stays to be read."""
        first = first_byte(connection, limit_s)
        if first is None:
            raise HandshakeFailed(f"it said nothing for {limit_s:g} s")
        if not first:
            raise NothingSaid("it closed the connection without a word")
        if not speaks_tls(first):
            guess = ": it seems to send plain DICOM" if first.startswith(ASSOCIATE) else ""
            raise HandshakeFailed(f"it speaks no TLS{guess}")

    def _look(self) -> Stamp:
        """What tells whether a file is still the one that was read."""
        paths = (self._tls.certificate, self._tls.key, self._tls.ca)
        return tuple(_stamp_of(path) for path in paths if path)

    def _reload(self) -> None:
        try:
            self._context = make_context(self._tls)
        except ConfigInvalid as error:
            if self._context:
                log.error("the certificate cannot be used, the old one stays", error=error)  # noqa: TRY400 - the error's text says all
            else:
                log.error("the certificate cannot be used, there is no TLS", error=error)  # noqa: TRY400 - as above
        else:
            log.info("certificate, key and CA loaded")


def _check_it_still_holds(secured: ssl.SSLSocket) -> None:
    """Of a resumed session OpenSSL does not look at the certificate again."""
    shown = secured.getpeercert() if secured.session_reused else None
    if shown and ssl.cert_time_to_seconds(str(shown["notAfter"])) < time.time():
        raise HandshakeFailed(EXPIRED)


def first_byte(connection: socket.socket, within_s: float) -> bytes | None:
    """The first byte, left to be read; none at the end, None when the peer stayed silent."""
    waiting = select.poll()
    waiting.register(connection, select.POLLIN)
    if not waiting.poll(within_s * 1000):
        return None
    try:
        return connection.recv(1, socket.MSG_PEEK)
    except OSError:
        return b""


def speaks_tls(first: bytes) -> bool:
    """Whether a peer's first byte is that of a TLS handshake."""
    return first.startswith(HANDSHAKE)


def close_gently(connection: socket.socket) -> None:
    """Close, giving the peer the chance to read what was said last."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
    connection.close()


def _stamp_of(path: Path) -> tuple[int, int, int]:
    try:
        found = path.stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino
