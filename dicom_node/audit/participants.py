"""Who took part in an event: the ActiveParticipants of its message (PS3.15 A.5.3, AUD-07)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dicom_node.audit.codes import (
    APPLICATION,
    APPLICATION_ACTIVITY,
    BEGIN_TRANSFERRING,
    DESTINATION,
    DESTINATION_MEDIA,
    EXPORT,
    IMPORT,
    INSTANCES_TRANSFERRED,
    SECURITY_ALERT,
    SOURCE,
    SOURCE_MEDIA,
    Code,
)
from dicom_node.audit.plain import detail_of, mapping_of, text_of

if TYPE_CHECKING:
    from dicom_node.audit.here import Here
    from storage.db.tables import Audit

NOBODY_KNOWN = "unknown"
# In rows without more of a delivery's peer, its name in the settings stands in the text.
_DELIVERY_TO = re.compile(r"delivery \d+ to ([\w-]+)")


@dataclass(frozen=True, slots=True)
class Participant:
    """A person, a process or a medium.

    Attributes
    ----------
    access_point : str
        A name or an address; empty where there is none.
    """

    user_id: str
    alternative_id: str = ""
    name: str = ""
    access_point: str = ""
    role: Code | None = None
    is_requestor: bool = False
    is_media: bool = False

    @property
    def access_point_type(self) -> str:
        """NetworkAccessPointTypeCode: 1 is a machine's name, 2 an IP address."""
        try:
            ipaddress.ip_address(self.access_point.partition("%")[0])
        except ValueError:
            return "1"
        return "2"


def participants_of(row: Audit, here: Here) -> list[Participant]:
    """The participants of a row's event; at least one, at most one of them the requestor."""
    us, actor = _us(row, here), _actor(row, here)
    asks, obeys = replace(actor or us, is_requestor=True), [us] if actor else []
    if row.event == APPLICATION_ACTIVITY:
        return [replace(us, role=APPLICATION)]
    if row.event in (BEGIN_TRANSFERRING, INSTANCES_TRANSFERRED):
        return _transfer(row, us, actor)
    if row.event == EXPORT:
        to = _peer(row, "to") if row.subject.startswith("delivery:") else Participant("medium")
        medium = replace(to, role=DESTINATION_MEDIA, is_media=True)
        return [replace(asks, role=SOURCE), *obeys, medium]
    if row.event == IMPORT:
        medium = Participant("medium", role=SOURCE_MEDIA, is_media=True)
        return [replace(asks, role=DESTINATION), *obeys, medium]
    if row.event == SECURITY_ALERT and actor and not _is_person(row):
        return [replace(us, is_requestor=True), actor]  # we report what the other did
    told = [_peer(row, "to")] if mapping_of(detail_of(row), "to") else []
    return [asks, *obeys, *told]


def _transfer(row: Audit, us: Participant, actor: Participant | None) -> list[Participant]:
    """The source, which asks for the transfer, and the destination."""
    if row.subject.startswith("delivery:"):
        source, destination = us, _peer(row, "to")
    else:
        source, destination = (actor or _peer(row, "from")), us
    return [
        replace(source, role=SOURCE, is_requestor=source.user_id != NOBODY_KNOWN),
        replace(destination, role=DESTINATION),
    ]


def _us(row: Audit, here: Here) -> Participant:
    pid = detail_of(row).get("pid")
    pipeline = " ".join(filter(None, (text_of(detail_of(row), "pipeline"),
                                      text_of(detail_of(row), "version"))))  # fmt: skip
    return Participant(
        user_id=str(pid) if isinstance(pid, int) else here.source_id,
        alternative_id=_titles(*here.ae_titles),
        name=pipeline or "dicom-node",
        access_point=here.host,
    )


def _actor(row: Audit, here: Here) -> Participant | None:
    """Who did it, where it was not the node itself."""
    kind, _, name = row.actor.partition(":")
    if kind == "node":
        return None
    if kind == "peer":
        return Participant(name, _titles(name), name, row.origin)
    if kind == "terminal":
        return Participant(f"{name}@{here.host}", name=name, access_point=row.origin or here.host)
    if kind == "user":
        login = f"{name}@{here.source_id}"
        return Participant(login, name=name, access_point=row.origin or here.host)
    return Participant(NOBODY_KNOWN, access_point=row.origin)


def _peer(row: Audit, key: str) -> Participant:
    """The other side of what the node does by itself, from the row's detail."""
    told = mapping_of(detail_of(row), key)
    aet, host = text_of(told, "aet"), text_of(told, "host") or row.origin
    named = _DELIVERY_TO.match(row.text) if key == "to" else None
    name = aet or (named[1] if named else NOBODY_KNOWN)
    return Participant(name, _titles(aet), aet, host)


def _is_person(row: Audit) -> bool:
    return row.actor.startswith(("user:", "terminal:"))


def _titles(*aets: str) -> str:
    titles = ";".join(filter(None, aets))
    return f"AETITLES={titles}" if titles else ""
