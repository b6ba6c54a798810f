"""Checks that certificates, keys and CAs can be used, and for how long."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dicom_node.doctor.finding import Finding
from dicom_node.errors import ConfigInvalid
from dicom_node.net.certificate import DAY, WARN_DAYS, ends_at
from dicom_node.net.tls import make_context

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from dicom_node.config import Settings


def check(settings: Settings) -> Iterator[Finding]:
    """Every check of the files that [web], [tls] and [repositories.NAME] name."""
    web, tls, now = settings.web, settings.tls, datetime.now(UTC)
    if web.tls_certificate and web.tls_key:
        yield check_certificate(web.tls_certificate, web.tls_key, now)
    if tls.certificate and tls.key:
        yield check_certificate(tls.certificate, tls.key, now, "tls certificate")
        if tls.ca:
            yield check_ca(settings, tls.ca, now)
    for name, one in settings.repositories.items():
        if one.certificate and one.key:
            title = f"repository {name} certificate"
            yield check_certificate(one.certificate, one.key, now, title)


def check_certificate(
    certificate: Path, key: Path, now: datetime, name: str = "certificate"
) -> Finding:
    """Whether certificate and key belong together, and until when they hold."""
    try:
        for path in (certificate, key):
            path.open("rb").close()  # names the one that is missing; ssl does not
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key, password="")
        return _held_until(name, certificate, ends_at(certificate), now)
    except FileNotFoundError as error:
        return Finding(name, ok=False, text=f"{error.filename or certificate} is not there")
    except PermissionError:
        return Finding(name, ok=False, text=f"{certificate} or {key} cannot be read")
    except (ssl.SSLError, OSError, ValueError):
        text = f"{certificate} and {key} are not a PEM certificate and its key"
        return Finding(name, ok=False, text=text)


def check_ca(settings: Settings, ca: Path, now: datetime) -> Finding:
    """Whether peers' certificates can be checked, and until when."""
    try:
        make_context(settings.tls)
        return _held_until("tls ca", ca, ends_at(ca), now)
    except (ConfigInvalid, OSError, ValueError) as error:
        return Finding("tls ca", ok=False, text=str(error))


def _held_until(name: str, path: Path, end: datetime, now: datetime) -> Finding:
    days = (end - now) // DAY
    if end <= now:
        text = f"{path}: certificate has expired on {end:%Y-%m-%d}"
        return Finding(name, ok=False, text=text)
    text = f"holds until {end:%Y-%m-%d}, {days} days"
    return Finding(name, ok=True if days >= WARN_DAYS else None, text=text)
