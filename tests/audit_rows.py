"""Rows of the trail as they are in a node's database, for what tells of them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from dicom_node.audit.here import Here
from storage.db.tables import Audit

HERE = Here(("DICOM_NODE", "ARCHIVE"), "RAD", "node1.rad.example.org", "node1")
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
STUDY = {"study_uid": "2.25.1", "patient_id": "P1", "accession_number": "A123"}
CT, SEG = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.1.66.4"


def a_row(event: str, action: str = "E", actor: str = "node", **values: Any) -> Audit:
    """A row that is in no database; `values` replace empty columns."""
    columns: dict[str, Any] = {
        "seq": 7, "at": AT, "event": event, "action": action, "actor": actor, "event_type": "",
        "outcome": 0, "origin": "", "study_uid": "", "patient_id": "", "accession_number": "",
        "subject": "", "text": "said", "detail": {}, "previous_hash": "0" * 64, "hash": "1" * 64,
    }  # fmt: skip
    return Audit(**{**columns, **values})


PID = {"pid": 4711}
ROWS: dict[str, Audit] = {
    "start": a_row("110100", event_type="110120", subject="node", detail=PID),
    "stop": a_row("110100", event_type="110121", subject="node", detail=PID),
    "received": a_row(
        "110104", "C", "peer:CT1", origin="10.0.0.9", **STUDY, subject="study:3",
        detail={**PID, "association": "x", "sop_classes": {CT: 300}},
    ),
    "held already": a_row("110104", "R", "peer:CT1", origin="10.0.0.9", **STUDY, detail=PID),
    "refused": a_row(
        "110104", "C", "peer:CT1", origin="10.0.0.9", study_uid="2.25.1", outcome=4, detail=PID,
        text="2 instances refused with status 0xA900",
    ),
    "found on disk": a_row(
        "110104", "C", **STUDY, detail={**PID, "from": {"aet": "CT1", "host": "10.0.0.9"}}
    ),
    "rules read": a_row("110103", "R", **STUDY, detail=PID),
    "derived": a_row(
        "110103", "C", **STUDY, subject="job:12",
        detail={**PID, "pipeline": "ct-organs", "version": "1.2", "sop_classes": {SEG: 1}},
    ),
    "job failed": a_row("110103", "R", **STUDY, subject="job:12", outcome=8, detail=PID),
    "sending": a_row(
        "110102", **STUDY, subject="delivery:4",
        detail={**PID, "to": {"aet": "PACS", "host": "10.0.0.8"}, "sop_classes": {SEG: 1}},
    ),
    "sent": a_row(
        "110104", "C", **STUDY, subject="delivery:4",
        detail={**PID, "to": {"aet": "PACS", "host": "10.0.0.8"}, "sop_classes": {SEG: 1}},
    ),
    "not sent": a_row(
        "110104", "C", **STUDY, subject="delivery:4", outcome=4, origin="10.0.0.8",
        text="delivery 4 to PACS: attempt 1 failed: no answer",
    ),
    "study deleted": a_row("110105", "D", "user:ada", origin="10.0.0.77", **STUDY),
    "exported": a_row("110106", "R", "terminal:root", subject="node", detail=PID),
    "study exported": a_row("110106", "R", "user:ada", **STUDY, detail={"anonymized": True}),
    "sent for research": a_row(
        "110106", "R", **STUDY, subject="delivery:4",
        detail={**PID, "anonymized": True, "to": {"aet": "LUNG", "host": "10.0.0.5"}},
    ),
    "pseudonym shown": a_row(
        "110113", actor="terminal:root", event_type="110132", patient_id="P1",
        subject="project:lung",
    ),
    "imported": a_row("110107", "C", **STUDY, detail={"sop_classes": {CT: 3}}),
    "attached": a_row("110108", event_type="110124"),
    "searched": a_row(
        "110112", actor="user:ada", origin="10.0.0.77",
        detail={"asked": {"patient": "Zzphi", "accession": "A1", "state": ""}},
    ),
    "queried": a_row(
        "110112", actor="peer:PACS", origin="10.0.0.8",
        detail={"sop_class": "1.2.840.10008.5.1.4.1.2.2.1", "identifier": "CABSAAYAAABTVFVEWSA=",
                "transfer_syntax": "1.2.840.10008.1.2"},
    ),
    "log in": a_row("110114", actor="user:ada", event_type="110122", origin="10.0.0.77"),
    "log in failed": a_row(
        "110114", actor="unknown", event_type="110122", origin="10.0.0.77", outcome=4,
        text="login failed: no such account",
    ),
    "log out": a_row("110114", actor="user:ada", event_type="110123", origin="::1"),
    "page opened": a_row("110103", "R", "user:ada", origin="10.0.0.77", **STUDY),
    "trail read": a_row("110101", "R", "user:ada", origin="10.0.0.77"),
    "association rejected": a_row(
        "110113", actor="peer:EVIL", event_type="110126", origin="10.0.0.66", outcome=8,
        text="association rejected: no peer has its AE title", detail={"called_aet": "X"},
    ),
    "TLS failed": a_row("110113", actor="unknown", event_type="110126", origin="::2", outcome=8),
    "role changed": a_row(
        "110113", actor="user:ada", event_type="110136", origin="10.0.0.77", subject="account:3"
    ),
    "account made": a_row("110113", actor="terminal:root", event_type="110137",
                          subject="account:3"),
    "settings changed": a_row("110113", event_type="110131"),
    "override": a_row("110113", actor="user:ada", event_type="110127", **STUDY),
    "disk full": a_row("110113", outcome=8, subject="disk"),
    "commitment asked": a_row("110103", "R", "peer:CT1", origin="10.0.0.9", **STUDY),
    "commitment failed": a_row(
        "110103", "R", **STUDY, outcome=4, subject="commitment:1",
        detail={"failed": {"2.25.9": "0x0112"}, "to": {"aet": "CT1", "host": "10.0.0.9"}},
    ),
    "commitment not told": a_row("110103", "R", outcome=4, subject="commitment:1"),
}  # fmt: skip
"""One row of each kind that standards name or the node writes, by what it tells."""
