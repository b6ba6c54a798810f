"""Decides who may open an association (NET-06)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom_node.config import PeerSection, Settings
    from dicom_node.net.certificate import Certificate


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks for an association: both AE titles as written, the address, and what TLS showed."""

    calling_aet: str
    called_aet: str
    host: str
    certificate: Certificate | None = None
    is_tls: bool = False


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused association: result, source and diagnostic of the A-ASSOCIATE-RJ, and the reason.

    Without more it is permanent and by the service user (PS3.8 table 9-21).
    """

    diagnostic: int
    reason: str
    result: int = 1
    source: int = 1


CALLING_NOT_RECOGNISED = 3
CALLED_NOT_RECOGNISED = 7


def refuse(settings: Settings, caller: Caller) -> Refusal | None:
    """Say why this caller may not open an association, or None when it may."""
    found = recognise(settings, caller)
    return found if isinstance(found, Refusal) else None


def recognise(settings: Settings, caller: Caller) -> str | Refusal:
    """The name of the peer that calls, or why it may not.

    The name is empty for a caller that need not be one of the peers. Where several peers have its
    AE title, the reason is that of the one which fits best.
    """
    if not settings.accepts_anyone and caller.called_aet not in settings.own_ae_titles:
        return Refusal(CALLED_NOT_RECOGNISED, "it called another AE title than this node's")
    objections: list[tuple[int, str]] = []
    for name, peer in settings.peers.items():
        if peer.ae_title == caller.calling_aet:
            objection = _objection(peer, caller)
            if objection is None:
                return name
            objections.append(objection)
    if settings.accepts_anyone:
        return ""
    if not objections:
        return Refusal(CALLING_NOT_RECOGNISED, "no peer has its AE title")
    step, reason = max(objections)
    return Refusal(CALLED_NOT_RECOGNISED if step == WRONG_TITLE else CALLING_NOT_RECOGNISED, reason)


# The order in which a peer's settings are asked; a later objection is nearer to being let in.
MAY_NOT, WRONG_ADDRESS, WRONG_TITLE, IN_THE_CLEAR, NO_CERTIFICATE, WRONG_CERTIFICATE = range(6)


def _objection(peer: PeerSection, caller: Caller) -> tuple[int, str] | None:  # noqa: PLR0911 - a list of questions, one answer each
    """Why the caller is not let in as this peer, and how far it came."""
    if not peer.may_send:
        return MAY_NOT, "this peer may not send (may_send = false)"
    if peer.networks:
        if not _is_within(caller.host, peer.networks):
            return WRONG_ADDRESS, "it calls from an address outside the peer's networks"
    elif peer.host and not _is_address_of(caller.host, peer.host):
        return WRONG_ADDRESS, "it calls from another address than the peer's host"
    if peer.called_ae_titles and caller.called_aet not in peer.called_ae_titles:
        return WRONG_TITLE, "it called an AE title that is not in the peer's called_ae_titles"
    if not peer.certificate:
        return None
    if not caller.is_tls:
        return IN_THE_CLEAR, "a peer with a certificate in the settings must call by TLS"
    if caller.certificate is None:
        return NO_CERTIFICATE, "it showed no certificate, and the settings name one"
    if not caller.certificate.is_called(peer.certificate):
        return WRONG_CERTIFICATE, "its certificate is another than the settings name"
    return None


def _is_within(address: str, networks: list[str]) -> bool:
    here = _plain(address)
    return any(here in ipaddress.ip_network(network) for network in networks)


def _is_address_of(address: str, host: str) -> bool:
    try:
        found = {entry[4][0] for entry in socket.getaddrinfo(host, None)}
    except OSError:
        return False
    return _plain(address) in {_plain(str(one)) for one in found}


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An address in one form: an IPv4 caller on a dual-stack socket is shown as ``::ffff:...``."""
    parsed = ipaddress.ip_address(address.partition("%")[0])
    return getattr(parsed, "ipv4_mapped", None) or parsed
