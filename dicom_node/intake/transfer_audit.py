"""Ends associations in the index and tells the audit trail what they brought (PS3.15 A.5.3.7).

One "DICOM Instances Transferred" row per patient and study; what was held already and what was
refused gets rows of its own, because one message has one outcome (A.5.2).
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from dicom_node.intake.index_rows import actor_of, keep_association
from dicom_node.net.incoming import AssociationInfo
from dicom_node.net.status import Status
from storage.audit import AuditEvent, record, study_event
from storage.db.queries.associations import (
    brought_by,
    end_association,
    has_ended,
    lost_among,
    reopen_association,
    silent_associations,
)
from storage.db.queries.studies import find_study, series_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from sqlalchemy.orm import Session

    from dicom_node.intake.arrival import AssociationEnd, Tally
    from storage.db.tables import Association, Study

TRANSFERRED = "110104"
LOST_AFTER_S = 10.0
"""An association whose receiver has not renewed it for this long is lost with its receiver."""
MINOR_FAILURE, SERIOUS_FAILURE = 4, 8


def record_end(session: Session, ended: AssociationEnd) -> None:
    """End the association's row and record what it brought, held and was refused.

    Being told twice, as after a crash between the commit and the receipt, changes nothing.
    """
    association = ended.association
    if has_ended(session, association.id):
        return
    keep_association(session, association, ended.ended_at)
    end_association(session, association.id, ended.outcome, ended.ended_at)
    _record_brought(session, association, ended.outcome)
    _record_tally(session, association, ended.tally)
    if ended.outcome == "released":
        for study_uid in ended.tally.held:
            study = find_study(session, study_uid)
            if study:
                _note_evidence(study, "")


def record_lost(session: Session, since: datetime, now: datetime) -> int:
    """End open associations not renewed since then, and record what they had brought."""
    lost = silent_associations(session, since)
    for row in lost:
        end_association(session, row.id, "lost", now)
        _record_brought(session, _told_by(row), "lost")
    return len(lost)


def record_found(session: Session, association_ids: Collection[str], now: datetime) -> int:
    """Reopen those of the living associations that were called lost, and take it back."""
    found = lost_among(session, association_ids)
    for row in found:
        reopen_association(session, row.id, now)
        for study in {study for study, _class, _number in brought_by(session, row.id)}:
            text = "the association lives and goes on: it was called lost too early"
            record(session, _event(study, _told_by(row), "U", text))
            if study.incomplete.startswith(_evidence("lost", "")):
                _note_evidence(study, "")
    return len(found)


def _record_brought(session: Session, association: AssociationInfo, outcome: str) -> None:
    classes: dict[Study, dict[str, int]] = defaultdict(dict)
    for study, sop_class_uid, number in brought_by(session, association.id):
        classes[study][sop_class_uid] = number
    for study, numbers in classes.items():
        total = sum(numbers.values())
        own = any("OwnResult" in series.header for series in series_of(session, study.id))
        text = f"{_instances(total)} received"
        text += "" if outcome == "released" else f"; the association was {outcome}"
        text += "; own results among them: no rule runs on those" if own else ""
        detail: dict[str, object] = {"association": association.id, "sop_classes": numbers}
        record(session, _event(study, association, "C", text, detail=detail))
        evidence = _evidence(outcome, _instances(total))
        _note_evidence(study, "" if outcome == "released" else evidence)


def _record_tally(session: Session, association: AssociationInfo, tally: Tally) -> None:
    for study_uid, number in sorted(tally.held.items()):
        study = find_study(session, study_uid)
        if study:
            text = f"{_instances(number)} received that were held already"
            record(session, _event(study, association, "R", text))
    refusals = [
        (study_uid, status, number)
        for study_uid, numbers in sorted(tally.refused.items())
        for status, number in sorted(numbers.items())
    ]
    for study_uid, status, number in refusals:
        full = status == Status.OUT_OF_RESOURCES
        record(
            session,
            AuditEvent(
                event=TRANSFERRED,
                action="C",
                actor=actor_of(association),
                origin=association.host,
                study_uid=study_uid,
                outcome=SERIOUS_FAILURE if full else MINOR_FAILURE,
                text=f"{_instances(number)} refused with status 0x{status:04X}",
                detail={"association": association.id},
            ),
        )


def _event(
    study: Study,
    association: AssociationInfo,
    action: str,
    text: str,
    detail: dict[str, object] | None = None,
) -> AuditEvent:
    return study_event(
        study,
        TRANSFERRED,
        action,
        actor=actor_of(association),
        origin=association.host,
        text=text,
        detail=detail or {"association": association.id},
    )


def _note_evidence(study: Study, evidence: str) -> None:
    """A study that broke off is flagged; one that came whole afterwards is not flagged any more."""
    if study.state != "quarantined":  # there the text is the reason
        study.incomplete = evidence


def _evidence(outcome: str, instances: str) -> str:
    return f"an association was {outcome} after {instances}"


def _told_by(row: Association) -> AssociationInfo:
    return AssociationInfo(row.id, row.calling_aet, row.called_aet, row.host, row.started_at)


def _instances(number: int) -> str:
    return "1 instance" if number == 1 else f"{number} instances"
