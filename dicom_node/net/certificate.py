"""Certificates: whom a peer's names, and when one in a file ends.

The standard library verifies certificates but reads the dates of no file, so the few bytes that
hold them are found here, by the layout of RFC 5280 4.1.
"""

from __future__ import annotations

import hashlib
import re
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
DAY = timedelta(days=1)
WARN_DAYS = 30  # before the end of a certificate the node begins to warn
UTC_TIME, GENERALIZED_TIME, VERSION = 0x17, 0x18, 0xA0  # DER tags


@dataclass(frozen=True, slots=True)
class Certificate:
    """A peer's certificate, verified against the CAs of [tls] ca.

    Attributes
    ----------
    names : tuple of str
        Subject common name, and DNS and URI subject alternative names.
    fingerprint : str
        ``sha256:`` and the digest of the certificate in lower case hexadecimal.
    """

    names: tuple[str, ...]
    fingerprint: str

    def is_called(self, wanted: str) -> bool:
        """Whether a fingerprint or a name fits; the case of names does not count (RFC 4343)."""
        if wanted.startswith("sha256:"):
            return wanted == self.fingerprint
        return wanted.casefold() in (name.casefold() for name in self.names)


def certificate_of(connection: ssl.SSLSocket) -> Certificate | None:
    """The certificate that the peer at the other end showed, or None."""
    encoded = connection.getpeercert(binary_form=True)
    if not encoded:
        return None
    shown: dict[str, Any] = connection.getpeercert() or {}
    subject = [pair for relative_name in shown.get("subject", ()) for pair in relative_name]
    names = [value for kind, value in subject if kind == "commonName"]
    names += [value for kind, value in shown.get("subjectAltName", ()) if kind in ("DNS", "URI")]
    return Certificate(tuple(names), f"sha256:{hashlib.sha256(encoded).hexdigest()}")


def ends_at(path: Path) -> datetime:
    """When the first of the certificates in a PEM file ends, aware.

    Raises
    ------
    OSError
        The file cannot be read.
    ValueError
        There is no certificate in it, or a damaged one.
    """
    found = PEM.findall(path.read_text(encoding="latin-1"))
    if not found:
        raise ValueError(f"{path} holds no PEM certificate")
    try:
        return min(_not_after(ssl.PEM_cert_to_DER_cert(one)) for one in found)
    except (IndexError, ValueError):
        raise ValueError(f"{path} holds a damaged certificate") from None


def days_left(path: Path, now: datetime) -> int:
    """Whole days until the first certificate in a PEM file ends; negative when it has ended.

    Raises
    ------
    OSError, ValueError
        As `ends_at`.
    """
    return (ends_at(path) - now) // DAY


def _not_after(der: bytes) -> datetime:
    """The end of the validity: Certificate, tbsCertificate, validity, notAfter."""
    _tag, at, _end = _element(der, 0)
    _tag, at, _end = _element(der, at)
    tag, _start, end = _element(der, at)
    # Version (where there is one), serial number, signature algorithm and issuer come before.
    for _passed in range(4 if tag == VERSION else 3):
        _tag, _start, at = _element(der, at)
    _tag, at, _end = _element(der, at)
    _tag, _start, at = _element(der, at)
    tag, start, end = _element(der, at)
    return _time(tag, der[start:end].decode("ascii"))


def _element(der: bytes, at: int) -> tuple[int, int, int]:
    """Tag of the element at `at`, and where its content starts and ends."""
    tag, length, start = der[at], der[at + 1], at + 2
    if length & 0x80:
        size = length & 0x7F
        length, start = int.from_bytes(der[start : start + size]), start + size
    return tag, start, start + length


def _time(tag: int, text: str) -> datetime:
    if tag == UTC_TIME:  # two digits of the year; from 50 on they are those of 19.. (4.1.2.5.1)
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != GENERALIZED_TIME:
        raise ValueError("no time where the end of the validity should be")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
