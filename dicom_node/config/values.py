"""The kinds of values that settings take, each checked with a message of its own."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

PRIORITIES = {"routine": 0, "urgent": 50, "stat": 100}


def _is_plain(value: str) -> bool:
    return value.isascii() and value.isprintable()


def _ae_title(value: str) -> str:
    if not 1 <= len(value.strip()) <= 16 or "\\" in value or not _is_plain(value):
        raise ValueError("an AE title has 1 to 16 plain ASCII characters and no backslash")
    return value.strip()


def _text_value(value: str) -> str:
    if "\\" in value or not value.isprintable():
        raise ValueError("a DICOM text value has no backslash and no control characters")
    return value.strip()


def _slot(value: str) -> str:
    card = value.removeprefix("cuda:")
    if value not in ("auto", "cpu") and (card == value or not card.isdecimal()):
        raise ValueError(f'a slot is "auto", "cpu" or "cuda:0", not {value!r}')
    return value


def _peer_name(value: str) -> str:
    if not value.replace("-", "").replace("_", "").isalnum() or len(value) > 64:
        raise ValueError("a peer's name has letters, digits, - and _, at most 64")
    return value


def _network(value: str) -> str:
    try:
        return str(ipaddress.ip_network(value))
    except ValueError:
        raise ValueError(f"a network is written like 10.1.0.0/16, not {value!r}") from None


def _certificate_name(value: str) -> str:
    kind, colon, digest = value.strip().partition(":")
    if kind.lower() != "sha256" or not colon:
        return value.strip()
    digest = digest.replace(":", "").lower()
    if len(digest) != 64 or set(digest) - set("0123456789abcdef"):
        raise ValueError("a fingerprint is sha256: and 64 hexadecimal digits")
    return f"sha256:{digest}"


def _sop_class(value: str) -> str:
    parts = value.strip().split(".")
    if len(value) > 64 or not all(part.isdecimal() and part.isascii() for part in parts):
        raise ValueError(
            f"a SOP class is a UID such as 1.2.840.10008.5.1.4.1.1.66.4, not {value!r}"
        )
    return value.strip()


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


AETitle = Annotated[str, AfterValidator(_ae_title)]
TextValue = Annotated[str, AfterValidator(_text_value)]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Slot = Annotated[str, AfterValidator(_slot)]
Priority = Literal["routine", "urgent", "stat"]
PeerName = Annotated[str, AfterValidator(_peer_name)]
Network = Annotated[str, AfterValidator(_network)]
CertificateName = Annotated[str, AfterValidator(_certificate_name)]
SopClass = Annotated[str, AfterValidator(_sop_class)]
