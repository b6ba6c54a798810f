"""Answers storage commitment on open associations: the request at once, the report soon after.

A report is sent by a thread of its own, one for each association that asks, so that the
association's thread goes on with other messages while files are looked at. It is sent between two
messages (`net.gate`), and nothing waits for the peer's answer in the association's thread either:
the peer may send whatever it likes meanwhile.
"""

from __future__ import annotations

import queue
import threading
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

from pydicom.uid import UID
from pynetdicom import build_role
from pynetdicom.dimse_messages import N_EVENT_REPORT_RSP
from pynetdicom.dimse_primitives import N_EVENT_REPORT
from pynetdicom.dsutils import encode

from dicom_node.net.commitment import (
    PUSH_MODEL,
    PUSH_MODEL_INSTANCE,
    ActionStatus,
    Declined,
    Report,
    Request,
    read_request,
)
from dicom_node.net.gate import Gate
from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from collections.abc import Callable

    from pynetdicom.association import Association
    from pynetdicom.events import Event
    from pynetdicom.presentation import PresentationContextTuple

    from dicom_node.net.incoming import AssociationInfo

log = get_log(__name__)

ANSWER_WITHIN_S = 10.0  # then the report goes over an association of our own
CLOSE_WITHIN_S = 5.0


class Commitments(Protocol):
    """Who keeps requests and knows what is safe; `number` is a stored request."""

    def ask(self, association: AssociationInfo, request: Request) -> int:
        """The number of the request, durably stored; `Declined` where it is not taken."""

    def report_on(self, number: int, is_over: Callable[[], bool]) -> Report | None:
        """What is true now; None where it cannot be found out, or `is_over` turned true."""

    def told(self, number: int, report: Report) -> None:
        """The peer has confirmed the report."""

    def leave(self, number: int) -> None:
        """The peer was not told on its own association: it has to be told otherwise."""


class CommitmentScp:
    """What the Storage SCP passes commitment messages to."""

    def __init__(self, commitments: Commitments) -> None:
        self._commitments = commitments
        self._reporters: dict[Association, Reporter] = {}
        self._closing: list[Reporter] = []

    @staticmethod
    def on_requested(association: Association) -> None:
        """Give a peer the role that it asks for: SCU to ask, SCP to report (NET-07, PS3.7 D.3.3.4).

        pynetdicom 3.0.4 makes this reply itself and loses it where storage is unrestricted
        (`net.quiet`): a PACS that calls back would believe that its report is not wanted.
        """
        asked = association.requestor.role_selection.get(PUSH_MODEL)
        if asked:
            granted = build_role(PUSH_MODEL, bool(asked.scu_role), bool(asked.scp_role))
            association.acceptor.add_negotiation_item(granted)

    def on_action(self, event: Event, association: AssociationInfo) -> tuple[int, None]:
        """The status of an N-ACTION; success means that the request is stored."""
        try:
            number = self._commitments.ask(association, read_request(event))
        except Declined as declined:
            log.warning(
                "commitment request declined",
                association=association.id,
                calling_aet=association.calling_aet,
                status=f"0x{declined.status:04X}",
                reason=str(declined),
            )
            return int(declined.status), None
        if event.assoc not in self._reporters:
            if not isinstance(event.assoc._reactor_checkpoint, Gate):
                # Here, in its own thread, nobody stands at the old one.
                event.assoc._reactor_checkpoint = Gate(event.assoc)
            reporter = Reporter(event.assoc, event.context, self._commitments)
            self._reporters[event.assoc] = reporter
            reporter.start()
        self._reporters[event.assoc].put(number)
        return int(ActionStatus.SUCCESS), None

    def on_message(self, event: Event) -> None:
        """Note a peer's answer to a report; pynetdicom itself would drop it."""
        reporter = self._reporters.get(event.assoc)
        if reporter and isinstance(event.message, N_EVENT_REPORT_RSP):
            reporter.answered(event.message.command_set)

    def closed(self, association: Association) -> None:
        """The association is over: what it was not told is left to others."""
        reporter = self._reporters.pop(association, None)
        if reporter:
            reporter.close()
            self._closing = [one for one in self._closing if one.is_alive()] + [reporter]

    def stop(self) -> None:
        """Wait a moment for what is being noted of associations that are over."""
        for reporter in self._closing:
            reporter.join(CLOSE_WITHIN_S)


class Reporter(threading.Thread):
    """Sends the reports of one association, one after another, each awaiting its answer."""

    def __init__(
        self,
        association: Association,
        context: PresentationContextTuple,
        commitments: Commitments,
    ) -> None:
        super().__init__(name="commitment-report", daemon=True)
        self._association = association
        self._context = context
        self._commitments = commitments
        self._numbers: queue.SimpleQueue[int | None] = queue.SimpleQueue()
        self._news = threading.Condition()
        self._answers: dict[int, int] = {}
        self._is_closed = False

    def put(self, number: int) -> None:
        """Have a request answered."""
        self._numbers.put(number)

    def answered(self, command: object) -> None:
        """Note the peer's answer to a report."""
        message_id = int(getattr(command, "MessageIDBeingRespondedTo", 0))
        with self._news:
            self._answers[message_id] = int(getattr(command, "Status", -1))
            self._news.notify_all()

    def close(self) -> None:
        """Send nothing more, and leave to others what was not told."""
        with self._news:
            self._is_closed = True
            self._news.notify_all()
        self._numbers.put(None)

    def run(self) -> None:
        """Report until the association is over."""
        message_id = 0
        while (number := self._numbers.get()) is not None:
            message_id = message_id % 0xFFFF + 1
            if not self._tell(number, message_id):
                self._commitments.leave(number)

    def _tell(self, number: int, message_id: int) -> bool:
        """Whether the peer confirmed the report."""
        if self._is_closed:
            return False
        report = self._commitments.report_on(number, lambda: self._is_closed)
        if report is None or not self._send(report, message_id):
            return False
        with self._news:
            self._news.wait_for(
                lambda: message_id in self._answers or self._is_closed, ANSWER_WITHIN_S
            )
            status = self._answers.pop(message_id, None)
            # While one is unanswered, no other may be sent (PS3.7 D.3.3.3, a window of one).
            self._is_closed |= status is None
        if status != ActionStatus.SUCCESS:
            return False
        self._commitments.told(number, report)
        return True

    def _send(self, report: Report, message_id: int) -> bool:
        """Send between two messages of the association; False when it is over."""
        message = event_report(report, message_id, self._context.transfer_syntax)
        gate = self._association._reactor_checkpoint
        gate.clear()
        try:
            if not self._association.is_established:
                return False
            self._association.dimse.send_msg(message, self._context.context_id)
        finally:
            gate.set()
        return True


def event_report(report: Report, message_id: int, transfer_syntax_uid: str) -> N_EVENT_REPORT:
    """The report as an N-EVENT-REPORT request."""
    syntax = UID(transfer_syntax_uid)
    message = N_EVENT_REPORT()
    message.MessageID = message_id
    message.AffectedSOPClassUID = PUSH_MODEL
    message.AffectedSOPInstanceUID = PUSH_MODEL_INSTANCE
    message.EventTypeID = report.event_type
    encoded = encode(
        report.dataset(), syntax.is_implicit_VR, syntax.is_little_endian, syntax.is_deflated
    )
    if encoded is None:
        raise ValueError("the report cannot be encoded")
    message.EventInformation = BytesIO(encoded)
    return message
