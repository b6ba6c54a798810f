"""Decides who may open an association (NET-06)."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom_node.config import Settings


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refused association: the A-ASSOCIATE-RJ diagnostic (PS3.8 table 9-21) and the reason."""

    diagnostic: int
    reason: str


CALLING_NOT_RECOGNISED = 3
CALLED_NOT_RECOGNISED = 7


def refuse(settings: Settings, calling_aet: str, called_aet: str, host: str) -> Refusal | None:
    """Say why this caller may not open an association, or None when it may.

    Any titles are taken while no peer is named, which settings allow on loopback only.
    """
    if settings.accepts_anyone:
        return None
    if called_aet != settings.node.ae_title:
        return Refusal(CALLED_NOT_RECOGNISED, "it called another AE title than this node's")
    named = [peer for peer in settings.peers.values() if peer.ae_title == calling_aet]
    if not named:
        return Refusal(CALLING_NOT_RECOGNISED, "no peer has its AE title")
    senders = [peer for peer in named if peer.may_send]
    if not senders:
        return Refusal(CALLING_NOT_RECOGNISED, "this peer may not send (may_send = false)")
    if not any(not peer.host or _is_address_of(host, peer.host) for peer in senders):
        return Refusal(CALLING_NOT_RECOGNISED, "it calls from another address than the peer's host")
    return None


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
