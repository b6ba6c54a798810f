"""Sends files to a peer and asks whether it is there (NET-03).

A file travels in its own transfer syntax, as it lies on disk, unless others are preferred. Where
the peer declines those it is decoded and sent as Explicit or Implicit VR Little Endian. What is
proposed is what is sent.
"""

from __future__ import annotations

import queue
import socket
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pynetdicom import evt
from pynetdicom.pdu_primitives import A_ASSOCIATE
from pynetdicom.presentation import PresentationContext, build_context
from pynetdicom.sop_class import Verification

from dicom_node.net.entity import Entity
from dicom_node.net.errors import AssociationRefused, ClassesRefused, PeerUnreachable
from dicom_node.net.status import Status
from dicom_node.net.transcoding import SYNTAXES, NotConvertible, can_become, converted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.pdu_primitives import SCP_SCU_RoleSelectionNegotiation

    from dicom_node.config import PeerSection

MOST_CONTEXTS = 128  # per association: odd one-byte ids (PS3.8 9.3.2.2)
FALLBACKS = (SYNTAXES["explicit"], SYNTAXES["implicit"])


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A DICOM file to be sent; the UIDs are those of its file meta."""

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str


def echo(peer: PeerSection, our_aet: str, timeout_s: float) -> None:
    """Return when the peer answered a C-ECHO with success; otherwise raise.

    Raises
    ------
    PeerUnreachable, AssociationRefused
    """
    association = open_association(peer, our_aet, timeout_s, [build_context(Verification)])
    try:
        answer = association.send_c_echo() if association.accepted_contexts else None
    except (RuntimeError, ValueError):  # it broke off between opening and asking
        answer = None
    finally:
        close_association(association)
    if answer is None or getattr(answer, "Status", None) != Status.SUCCESS:
        raise PeerUnreachable(f"{name_of(peer)} took the association but did not answer C-ECHO")


def taken_classes(
    peer: PeerSection, our_aet: str, files: Iterable[OutgoingFile], timeout_s: float
) -> set[str]:
    """Those of the files' SOP classes that the peer takes, asked without sending anything.

    Raises
    ------
    PeerUnreachable, AssociationRefused
    """
    proposed = {(file.sop_class_uid, syntax) for file in files for syntax in FALLBACKS}
    try:
        association = open_association(peer, our_aet, timeout_s, _contexts(proposed))
    except ClassesRefused:
        return set()
    taken = {str(context.abstract_syntax) for context in association.accepted_contexts}
    close_association(association)
    return taken


def send(
    peer: PeerSection,
    our_aet: str,
    files: Sequence[OutgoingFile],
    timeout_s: float,
    on_status: Callable[[int], None] = lambda _status: None,
    preferred: Sequence[str] = (),
) -> list[int]:
    """Send every file by C-STORE and give the peer's status for each, in the same order.

    A file of which the peer takes no presentation context gets 0x0122. `on_status` is told each
    status as it comes.

    Parameters
    ----------
    preferred : sequence of str
        UIDs of transfer syntaxes to try before the file's own, the best first; those that a file
        cannot be turned into are passed over.

    Raises
    ------
    PeerUnreachable
        No connection, or the association broke off; earlier files may have arrived.
    AssociationRefused
    """
    statuses: dict[int, int] = {}
    wanted = [_syntaxes(file, preferred) for file in files]
    for contexts, indices in _plan(files, wanted):
        association = open_association(peer, our_aet, timeout_s, contexts)
        try:
            for index in indices:
                statuses[index] = _store(association, files[index], wanted[index], peer)
                on_status(statuses[index])
        finally:
            close_association(association)
    return [statuses[index] for index in range(len(files))]


def _syntaxes(file: OutgoingFile, preferred: Sequence[str]) -> list[str]:
    """The transfer syntaxes to send the file in, the best first."""
    possible = [
        syntax
        for syntax in preferred
        if syntax == file.transfer_syntax_uid or can_become(file.path, syntax)
    ]
    return list(dict.fromkeys((*possible, file.transfer_syntax_uid, *FALLBACKS)))


def _plan(
    files: Sequence[OutgoingFile], syntaxes: Sequence[Sequence[str]]
) -> Iterator[tuple[list[PresentationContext], list[int]]]:
    """What to propose and which files go with it, for each association that is needed."""
    proposed: set[tuple[str, str]] = set()
    indices: list[int] = []
    for index, file in enumerate(files):
        wanted = {(file.sop_class_uid, syntax) for syntax in syntaxes[index]}
        if len(proposed | wanted) > MOST_CONTEXTS:
            yield _contexts(proposed), indices
            proposed, indices = set(), []
        proposed |= wanted
        indices.append(index)
    if indices:
        yield _contexts(proposed), indices


def _contexts(proposed: set[tuple[str, str]]) -> list[PresentationContext]:
    return [build_context(sop_class, syntax) for sop_class, syntax in sorted(proposed)]


def open_association(
    peer: PeerSection,
    our_aet: str,
    timeout_s: float,
    contexts: list[PresentationContext],
    roles: Sequence[SCP_SCU_RoleSelectionNegotiation] = (),
) -> Association:
    """An established association with the peer; `roles` where we are not the SCU of a class.

    Raises
    ------
    PeerUnreachable, AssociationRefused
    """
    entity = Entity(our_aet)
    entity.connection_timeout = timeout_s
    entity.acse_timeout = timeout_s
    entity.dimse_timeout = timeout_s
    entity.network_timeout = timeout_s
    try:
        association = entity.associate(
            peer.host,
            peer.port,
            contexts=contexts,
            ae_title=peer.ae_title,
            ext_neg=list(roles),
            evt_handlers=[(evt.EVT_CONN_OPEN, _answer_at_once)],
        )
    except OSError:
        raise PeerUnreachable(f"{name_of(peer)}: no such address") from None
    if association.is_established:
        return association
    if refusal := _refusal(association):
        raise AssociationRefused(f"{name_of(peer)} declined: {refusal.reason_str}")
    if association.is_aborted and association.rejected_contexts:
        raise ClassesRefused(f"{name_of(peer)} takes none of the objects' classes")
    raise PeerUnreachable(f"{name_of(peer)} does not answer")


def _refusal(association: Association) -> A_ASSOCIATE | None:
    """The A-ASSOCIATE-RJ that the peer sent (PS3.8 7.1.1), None where it sent none.

    A peer that declines and closes before pynetdicom 3.0.4 has looked whether it is connected is
    taken for one that cannot be reached; what it said is still in the queue.
    """
    if association.is_rejected:
        return association.acceptor.primitive
    with suppress(queue.Empty):
        while said := association.dul.to_user_queue.get_nowait():
            if isinstance(said, A_ASSOCIATE) and said.result:
                return said
    return None


def _answer_at_once(event: Event) -> None:
    """Switch Nagle's algorithm off: the last piece of a message must not wait for an ACK."""
    connection = event.assoc.dul.socket.socket
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _store(
    association: Association, file: OutgoingFile, syntaxes: Sequence[str], peer: PeerSection
) -> int:
    """Send one file in the first of the transfer syntaxes that the peer took and it can become."""
    accepted = {
        (str(context.abstract_syntax), str(context.transfer_syntax[0]))
        for context in association.accepted_contexts
    }
    for syntax in syntaxes:
        if (file.sop_class_uid, syntax) not in accepted:
            continue
        try:
            is_own = syntax == file.transfer_syntax_uid
            what = file.path if is_own else converted(file.path, syntax)
            answer = association.send_c_store(what)
        except NotConvertible:
            continue
        except ValueError:  # pynetdicom: no accepted context for what the file says it is
            return Status.CLASS_NOT_SUPPORTED
        except RuntimeError:  # pynetdicom: the association ended before this file
            raise PeerUnreachable(f"{name_of(peer)} broke the association off") from None
        if "Status" not in answer:
            raise PeerUnreachable(f"{name_of(peer)} stopped answering while an object was sent")
        return int(answer.Status)
    return Status.CLASS_NOT_SUPPORTED


def close_association(association: Association) -> None:
    """Release the association unless it is over."""
    if association.is_established:
        association.release()


def name_of(peer: PeerSection) -> str:
    """The peer as messages name it."""
    return f"{peer.ae_title} at {peer.host}:{peer.port}"
