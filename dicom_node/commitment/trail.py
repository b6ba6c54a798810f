"""What the audit trail is told of storage commitment: one row per study and outcome.

PS3.15 A.5 has no event of its own for it. DICOM Instances Accessed (110103), read: the node looks
at stored instances on a peer's behalf. Instances Transferred would say that images had moved, and
Query would ask for a query's text.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from storage.audit import AuditEvent, record, study_event
from storage.db.queries.commitments import SUBJECT, studies_holding

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy.orm import Session

    from dicom_node.net.commitment import Reference, Report
    from storage.db.tables import CommitmentRequest, Study

INSTANCES_ACCESSED = "110103"
MINOR_FAILURE, SERIOUS_FAILURE = 4, 8
MOST_NAMED = 100  # failed instances named in one row (AUD-09)


def request_events(
    session: Session, row: CommitmentRequest, references: Sequence[Reference], text: str
) -> list[AuditEvent]:
    """What to tell of a request, for each study that is known by now; at least one."""
    told = {"actor": f"peer:{row.calling_aet}", "origin": row.host}
    return [
        _event(row, study, f"asked whether {_are(len(asked))} safe{text}", **told)
        for study, asked in _known(session, references).items()
    ]


def report_events(session: Session, row: CommitmentRequest, report: Report) -> list[AuditEvent]:
    """What to tell of a report that the peer has confirmed; at least one."""
    to_peer = f"told {row.calling_aet} that"
    events = [
        _event(
            row,
            study,
            f"{to_peer} {_are(len(safe))} safe",
            detail={"sop_classes": Counter(one.sop_class_uid for one in safe)},
        )
        for study, safe in _by_study(session, report.safe).items()
    ]
    reasons = {one.sop_uid: f"0x{reason:04X}" for one, reason in report.failed}
    for study, failed in _by_study(session, [one for one, _ in report.failed]).items():
        named = {one.sop_uid: reasons[one.sop_uid] for one in failed[:MOST_NAMED]}
        text = f"{to_peer} {_are(len(failed))} not safe here"
        events.append(_event(row, study, text, outcome=MINOR_FAILURE, detail={"failed": named}))
    return events


def retry_event(row: CommitmentRequest, text: str) -> AuditEvent:
    """What to tell of a report that could not be told yet."""
    return _event(row, None, f"report to {row.calling_aet}: {text}", outcome=MINOR_FAILURE)


def failure_events(
    session: Session, row: CommitmentRequest, references: Sequence[Reference], text: str
) -> list[AuditEvent]:
    """What to tell of a report that is given up, for each study; at least one."""
    said = f"report to {row.calling_aet} given up: {text}"
    return [
        _event(row, study, said, outcome=SERIOUS_FAILURE) for study in _known(session, references)
    ]


def record_all(session: Session, events: Iterable[AuditEvent]) -> None:
    """Append the events to the trail."""
    for event in events:
        record(session, event)


def _event(row: CommitmentRequest, study: Study | None, text: str, **more: Any) -> AuditEvent:
    told: dict[str, Any] = {"actor": "node", "subject": f"{SUBJECT}{row.id}", **more}
    told["text"] = f"storage commitment: {text}"
    if told["actor"] == "node":
        told["detail"] = {
            "to": {"aet": row.calling_aet, "host": row.host},
            **more.get("detail", {}),
        }
    if study is None:
        return AuditEvent(event=INSTANCES_ACCESSED, action="R", **told)
    return study_event(study, INSTANCES_ACCESSED, "R", **told)


def _known(
    session: Session, references: Sequence[Reference]
) -> dict[Study | None, list[Reference]]:
    """Those in studies that are known; where none is, all of them under None."""
    found = _by_study(session, references)
    if len(found) > 1:
        found.pop(None, None)
    return found


def _by_study(
    session: Session, references: Sequence[Reference]
) -> dict[Study | None, list[Reference]]:
    studies = studies_holding(session, [one.sop_uid for one in references])
    found: defaultdict[Study | None, list[Reference]] = defaultdict(list)
    for one in references:
        found[studies.get(one.sop_uid)].append(one)
    return dict(found)


def _are(number: int) -> str:
    return "1 instance is" if number == 1 else f"{number} instances are"
