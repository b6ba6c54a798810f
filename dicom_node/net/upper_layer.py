"""The fast path: an acceptor's upper layer that takes C-STORE messages off the wire by itself.

pynetdicom negotiates, releases, aborts, keeps the state machine and serves every other message.
What this takes over, while an association stands, is reading: PDUs come by blocking reads straight
into one buffer, and a C-STORE is answered from the same thread. Nothing is polled, no message
crosses a queue, no data set is rebuilt. Figures: docs/adr/0012.

It leans on private names of pynetdicom 3.0, which ``tests/unit/net/test_pynetdicom.py`` guards;
where one is missing, `is_available` says so and the stock path serves (`net.scp`).
"""

from __future__ import annotations

import mmap
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from pynetdicom import association, dul
from pynetdicom._globals import MODE_ACCEPTOR

from dicom_node.net.asked_before import Memory
from dicom_node.net.command import StoreRequest, read_command, store_request, store_response
from dicom_node.net.errors import ConnectionBroken, ProtocolViolated
from dicom_node.net.gate import Bell
from dicom_node.net.pdata import (
    A_ASSOCIATE_RQ,
    IS_COMMAND,
    IS_LAST,
    LONGEST_COMMAND,
    P_DATA_TF,
    Fragment,
    PduReader,
    fragments_of,
)
from dicom_node.net.wake import Wake
from dicom_node.net.wire import Wire, part_from

if TYPE_CHECKING:
    from pynetdicom import AE

    from dicom_node.net.incoming import Arriving

BUFFER_BYTES = 4 << 20
LOOK_S = 0.25  # how often timers are looked at while nothing comes
LINGER_S = 0.5  # how long a peer may take to read our last words before the connection is closed
IDLE, ESTABLISHED, CLOSING = "Sta1", "Sta6", "Sta13"  # PS3.8 table 9-10
REQUEST_CAME, CONNECTION_CLOSED, INVALID_PDU = "Evt6", "Evt17", "Evt19"
PROVIDER_ABORT = bytes.fromhex("07 00 00000004 00 00 02 00")  # PS3.8 9.3.8: source 2, no reason
LONGEST_OTHER_DATA_SET = 64 << 20
"""A query or an action: pynetdicom holds these in memory."""
REQUESTS = Memory()


class Reception(Protocol):
    """What the fast path needs to know of the SCP that it serves."""

    silence_s: float
    longest_pdu: int

    def announce(self, caller: Acceptor, request: StoreRequest, context_id: int) -> Arriving:
        """What takes the data set of a request that came under an accepted context."""

    def pace(self, caller: Acceptor, number: int) -> None:
        """Return when more may be read from the peer than the bytes that were."""

    def broke_off(self, caller: Acceptor, reason: str) -> None:
        """The association is being ended because of what the peer did."""


class Acceptor(association.Association):  # type: ignore[misc]  # pynetdicom is not typed
    """An acceptor's association whose threads sleep until there is something to do."""

    def __init__(self, ae: AE, reception: Reception) -> None:
        super().__init__(ae, MODE_ACCEPTOR)
        self.is_begun = threading.Event()
        """Set when whoever is told of accepted associations has been told of this one."""
        bell = Bell(self)
        self._reactor_checkpoint = bell
        self.dul = UpperLayer(self, reception)
        self.dul.to_user_queue = bell.queue()
        self.dimse.msg_queue = bell.queue()
        # The upper layer is new: these setters hand it its timers.
        self.acse_timeout = ae.acse_timeout
        self.network_timeout = ae.network_timeout

    def close(self, within_s: float) -> None:
        """Give back what the upper layer holds, once its thread has ended."""
        if self.dul.ident is not None:
            self.dul.join(within_s)
        if not self.dul.is_alive():
            self.dul.close()


class UpperLayer(dul.DULServiceProvider):  # type: ignore[misc]  # pynetdicom is not typed
    """Reads PDUs and takes C-STORE messages; pynetdicom's state machine gets every other PDU."""

    def __init__(self, caller: Acceptor, reception: Reception) -> None:
        super().__init__(caller)
        self.daemon = True  # a peer that hangs must not keep the process from ending
        self._reception = reception
        self._wake = Wake()
        self._wire: Wire | None = None
        self._reader: PduReader | None = None
        self._buffer: memoryview | None = None
        self._is_busy = False

    def run_reactor(self) -> None:
        """Run until the association is over, whatever pynetdicom makes of what the peer sends."""
        try:
            super().run_reactor()
        except Exception:  # noqa: BLE001 - its decoders raise all kinds of errors
            self._reception.broke_off(self.assoc, "what came cannot be understood")
            self._abort_at_once()

    def idle_timer_expired(self) -> bool:
        """Whether the peer has been silent between messages; within one the wire keeps the time."""
        return not self._is_busy and bool(super().idle_timer_expired())

    def expect_within(self, silence_s: float) -> None:
        """From now on, a peer that says nothing for so long within a message is gone."""
        if self._wire is not None:
            self._wire.wait_for_peer(silence_s)

    def send_pdu(self, primitive: object) -> None:
        """Queue what is to be sent, and have it sent at once."""
        super().send_pdu(primitive)
        self._wake.ring()

    def kill_dul(self) -> None:
        """End the thread, now rather than at its next look."""
        super().kill_dul()
        self._let_reactor_go()
        self._wake.ring()

    def stop_dul(self) -> bool:
        """End the thread if the state machine is idle, without waiting for its next look."""
        if self.state_machine.current_state == IDLE:
            self.kill_dul()
        return bool(super().stop_dul())

    def close(self) -> None:
        """Give back the descriptor and the buffer."""
        self._wake.close()
        self._buffer = None

    def _is_transport_event(self) -> bool:
        """Read what came; True restarts the idle timer."""
        if not self.event_queue.empty():
            return False
        if self.state_machine.current_state == IDLE:
            self._let_reactor_go()
            return False
        if self.state_machine.current_state == CLOSING:
            self._close_connection()
            return True
        wire, reader = self._open()
        try:
            return self._serve(wire, reader)
        except ProtocolViolated as violation:
            self._break_off(violation, INVALID_PDU)
        except ConnectionBroken as broken:
            self._break_off(broken, CONNECTION_CLOSED)
        return True

    def _open(self) -> tuple[Wire, PduReader]:
        if self._wire is None or self._reader is None:
            self._wire = Wire(self.socket.socket, self._reception.silence_s)
            self._wire.also_wake_for(self._wake.fileno())
            self._reader = PduReader(self._wire, self._reception.longest_pdu, self._keep_pace)
        return self._wire, self._reader

    def _serve(self, wire: Wire, reader: PduReader) -> bool:
        """Take C-STORE messages until something else is to be done; False if nothing came."""
        came = False
        while not self._has_other_work():
            if not wire.wait(LOOK_S):
                self._wake.clear()
                return came
            came = True
            self._idle_timer.restart()
            pdu = reader.read_pdu()
            if pdu[0] != P_DATA_TF or not self._is_between_messages():
                self._hand_over(pdu)
                return True
            with self.assoc._reactor_checkpoint.turn():
                if not self._take_message(wire, reader, pdu):
                    return True
        return came

    def _has_other_work(self) -> bool:
        """Whether there is something to send, or somebody is about to send."""
        is_quiet = self.assoc._reactor_checkpoint.is_set()
        return bool(self._kill_thread or self.to_provider_queue.queue or not is_quiet)

    def _is_between_messages(self) -> bool:
        """Whether the next PDU begins a message that may be a C-STORE."""
        begun = self.assoc.dimse.message
        if begun is not None and begun.data_set.tell() > LONGEST_OTHER_DATA_SET:
            raise ProtocolViolated("a message other than C-STORE is too large")
        return begun is None and self.state_machine.current_state == ESTABLISHED

    def _take_message(self, wire: Wire, reader: PduReader, pdu: bytearray) -> bool:
        """Take the message that `pdu` begins if it is a C-STORE; otherwise hand its PDUs over."""
        pdus = [pdu]
        context_id, command, rest = _command_of(pdu)
        while command is None:
            pdus.append(reader.read_data_pdu())
            if sum(map(len, pdus)) > LONGEST_COMMAND:
                raise ProtocolViolated("a command set is too long")
            context_id, command, rest = _command_of(*pdus)
        request = store_request(read_command(command))
        self.assoc.is_begun.wait(self._reception.silence_s)
        if request is None or context_id not in self.assoc._accepted_cx:
            for one in pdus:
                self._hand_over(one)
            return False
        arriving = self._reception.announce(self.assoc, request, context_id)
        self._is_busy = True
        try:
            if request.has_data_set:
                room = arriving.room(self._whole_room())
                last = reader.read_data_set(context_id, rest, room, arriving.write)
            else:
                last = memoryview(b"")
            answer = arriving.finish(last)
        finally:
            arriving.abandon()
            self._idle_timer.restart()
            self._is_busy = False
        wire.send(store_response(context_id, request, *answer))
        return True

    def _decode_pdu(self, bytestream: bytearray) -> tuple[object, str]:
        """The PDU and its event; a request for an association may be known already."""
        if bytestream[0] == A_ASSOCIATE_RQ:
            return REQUESTS.decode(bytes(bytestream)), REQUEST_CAME
        decoded: tuple[object, str] = super()._decode_pdu(bytestream)
        return decoded

    def _keep_pace(self, number: int) -> None:
        self._reception.pace(self.assoc, number)

    def _whole_room(self) -> memoryview:
        """The buffer, made when the first data set comes; the system fills it as it is used.

        It begins a page of memory, so that a store may write it as it lies.
        """
        if self._buffer is None:
            self._buffer = memoryview(mmap.mmap(-1, BUFFER_BYTES, mmap.MAP_PRIVATE))
        return self._buffer

    def _let_reactor_go(self) -> None:
        """Tell a reactor that still waits for A-ASSOCIATE-RQ that none will come."""
        if self.assoc.requestor.primitive is None and self.to_user_queue.empty():
            self.to_user_queue.put(None)

    def _close_connection(self) -> None:
        """Close; first let the peer read what was said, which a reset would take from it."""
        connection = self.socket.socket
        if connection is not None:
            part_from(connection, LINGER_S)
        self.socket.close()

    def _abort_at_once(self) -> None:
        """Abort without the state machine, which broke."""
        with suppress(OSError, AttributeError):  # there may be no connection any more
            self.socket.socket.sendall(PROVIDER_ABORT)
        self._close_connection()
        self.assoc.is_aborted = True
        self.assoc.is_established = False
        self.assoc._kill = True
        self.to_user_queue.put(None)

    def _hand_over(self, pdu: bytearray) -> None:
        """Let pynetdicom decode the PDU and act on it."""
        try:
            decoded, event = self._decode_pdu(pdu)
        except Exception:  # noqa: BLE001 - whatever its decoder raises on what is no such PDU
            raise ProtocolViolated("a PDU cannot be decoded") from None
        self._recv_pdu.put(decoded)
        self.event_queue.put(event)

    def _break_off(self, reason: ConnectionBroken, event: str) -> None:
        self._reception.broke_off(self.assoc, str(reason))
        self.event_queue.put(event)


def _command_of(*pdus: bytearray) -> tuple[int, bytes | None, list[Fragment]]:
    """Context id and command set of the message that these PDUs begin, and the fragments behind it.

    The command is None while its last fragment has not come.
    """
    fragments = [fragment for pdu in pdus for fragment in fragments_of(pdu)]
    context_id = fragments[0].context_id
    command = bytearray()
    for number, fragment in enumerate(fragments):
        if fragment.context_id != context_id or not fragment.control & IS_COMMAND:
            raise ProtocolViolated("a message does not begin with its command")
        command += fragment.value
        if fragment.control & IS_LAST:
            return context_id, bytes(command), fragments[number + 1 :]
    return context_id, None, []


def is_available() -> bool:
    """Whether this pynetdicom has every private name that the fast path leans on."""
    association_names = ("run_reactor", "_run_reactor", "_serve_request", "kill")
    dul_names = (
        "_is_transport_event", "_decode_pdu", "_process_recv_primitive",
        "run_reactor", "send_pdu", "kill_dul", "stop_dul",
    )  # fmt: skip
    return all(hasattr(association.Association, name) for name in association_names) and all(
        hasattr(dul.DULServiceProvider, name) for name in dul_names
    )
