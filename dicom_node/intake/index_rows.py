"""Turns arrivals into Study, Series and Instance rows, within the caller's transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dicom_node.config import PRIORITIES
from dicom_node.intake.duplicate import Verdict
from storage.audit import study_event
from storage.db.queries.associations import add_association
from storage.db.queries.instances import (
    add_instances,
    known_keys,
    name_association,
    produced_here,
    replace_current,
    series_holding,
)
from storage.db.queries.studies import find_or_add_series, find_or_add_study
from storage.lifecycle import advance

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from dicom_node.config import PeerSection, Settings, TitleSection
    from dicom_node.intake.arrival import Arrival
    from dicom_node.intake.header import Header
    from dicom_node.net.incoming import AssociationInfo
    from storage.db.tables import Series, Study

SETTLED_STATES = ("settled", "routed", "unmatched", "purged")


class AuditIsDue(Exception):
    """A row would change in a way that the audit trail tells: use a durable transaction."""


class IndexRows:
    """Writes arrivals in one transaction.

    Parameters
    ----------
    session : Session
    settings : Settings
    may_audit : bool
        False where the transaction is not durable; an arrival that needs an audit row then raises
        `AuditIsDue`, and the transaction is to be tried again on a durable connection.
    """

    def __init__(self, session: Session, settings: Settings, *, may_audit: bool) -> None:
        self._session = session
        self._settings = settings
        self._may_audit = may_audit
        self._studies: dict[str, Study] = {}
        self._series: dict[tuple[str, str], Series] = {}
        self._rows: list[dict[str, object]] = []

    def add(self, arrivals: Sequence[Arrival]) -> None:
        """Add a row for each file that has none, and what follows from it for its study."""
        for arrival in {one.association.id: one for one in arrivals}.values():
            if arrival.association.id:
                keep_association(self._session, arrival.association, arrival.received_at)
        known = known_keys(self._session, [arrival.key for arrival in arrivals])
        sop_uids = [arrival.header.sop_uid for arrival in arrivals]
        places = series_holding(self._session, sop_uids)
        own = produced_here(self._session, sop_uids)
        for arrival in arrivals:
            if arrival.key in known:
                # A start-up scan came to the file before the receiver that took it.
                name_association(self._session, arrival.key, arrival.association.id or None)
                continue
            known.add(arrival.key)  # it may have been told twice: see `intake.index_link`
            header = arrival.header
            places[header.sop_uid].add((header.study_uid, header.series_uid))
            is_elsewhere = len(places[header.sop_uid]) > 1
            is_own = header.is_own or header.sop_uid in own
            self._add(arrival, is_own=is_own, is_elsewhere=is_elsewhere)
        self._write_rows()
        self._session.flush()

    def _add(self, arrival: Arrival, *, is_own: bool, is_elsewhere: bool) -> None:
        header = arrival.header
        study = self._study(arrival)
        series = self._one_series(study, arrival, is_own=is_own)
        conflict = self._conflict(study, arrival, is_elsewhere=is_elsewhere)
        if study.state in SETTLED_STATES and not is_own:
            self._reopen(study, arrival)
        self._rows.append({
            "series_id": series.id,
            "sop_uid": header.sop_uid,
            "sop_class_uid": header.sop_class_uid,
            "transfer_syntax_uid": arrival.transfer_syntax_uid,
            "file_key": arrival.key,
            "size": arrival.size,
            "revision": study.revision,
            "is_current": arrival.verdict is not Verdict.CONFLICT,
            "association_id": arrival.association.id or None,
            "received_at": arrival.received_at,
        })  # fmt: skip
        if conflict and study.state == "receiving":
            self._quarantine(study, conflict)
        if arrival.verdict is Verdict.CORRECTION:
            self._correct(study, series, arrival)
        priority = priority_of(self._settings, arrival.association)
        study.priority = max(study.priority, header.priority, priority)
        study.last_received_at = max(study.last_received_at, arrival.received_at)

    def _study(self, arrival: Arrival) -> Study:
        uid = arrival.header.study_uid
        if uid not in self._studies:
            association = arrival.association
            self._studies[uid] = find_or_add_study(
                self._session,
                uid,
                **_identity(arrival.header),
                priority=priority_of(self._settings, association),
                settle_after_s=settle_after_s(self._settings, association),
                created_at=arrival.received_at,
                last_received_at=arrival.received_at,
            )
        return self._studies[uid]

    def _one_series(self, study: Study, arrival: Arrival, *, is_own: bool) -> Series:
        header = arrival.header
        key = header.study_uid, header.series_uid
        if key not in self._series:
            self._series[key] = find_or_add_series(
                self._session, study.id, header.series_uid, **_series_values(arrival)
            )
        series = self._series[key]
        if is_own and "OwnResult" not in series.header:
            series.header = {**series.header, "OwnResult": "YES"}
        return series

    def _conflict(self, study: Study, arrival: Arrival, *, is_elsewhere: bool) -> str:
        """Why this arrival makes the study doubtful, or nothing."""
        if arrival.verdict is Verdict.CONFLICT:
            return "an instance came again with other pixels or geometry"
        if is_elsewhere:
            return "an instance is in another study or series as well"
        theirs, ours = arrival.header.patient.id, study.patient_id
        if theirs and ours and theirs != ours and arrival.verdict is not Verdict.CORRECTION:
            return "instances name different patients"
        return ""

    def _reopen(self, study: Study, arrival: Arrival) -> None:
        self._needs_audit()
        revision = study.revision + 1
        event = study_event(
            study,
            "110103",
            "U",
            actor=actor_of(arrival.association),
            origin=arrival.association.host,
            text=f"an instance came after the study had settled: revision {revision}",
        )
        advance(self._session, study, "late_instance", audit=event, revision=revision)

    def _quarantine(self, study: Study, reason: str) -> None:
        self._needs_audit()
        event = study_event(
            study, "110103", "U", actor="node", outcome=4, text=f"quarantined: {reason}"
        )
        advance(self._session, study, "quarantine", audit=event, incomplete=reason)

    def _correct(self, study: Study, series: Series, arrival: Arrival) -> None:
        """The newer version is the current one, and its identity the study's."""
        self._needs_audit()
        self._write_rows()
        replace_current(self._session, series.id, arrival.header.sop_uid, arrival.key)
        for column, value in _identity(arrival.header).items():
            setattr(study, column, value)
        for column, value in _series_values(arrival).items():
            setattr(series, column, value)

    def _write_rows(self) -> None:
        add_instances(self._session, self._rows)
        self._rows = []

    def _needs_audit(self) -> None:
        if not self._may_audit:
            raise AuditIsDue


def keep_association(session: Session, association: AssociationInfo, seen_at: datetime) -> None:
    """Make sure that an association has a row."""
    add_association(
        session,
        association.id,
        calling_aet=association.calling_aet[:16],
        called_aet=association.called_aet[:16],
        host=association.host,
        started_at=association.started_at,
        seen_at=seen_at,
    )


def peer_of(settings: Settings, association: AssociationInfo) -> PeerSection | None:
    """The configured peer that called, if any."""
    named = (p for p in settings.peers.values() if p.ae_title == association.calling_aet)
    return next(named, None)


def title_of(settings: Settings, association: AssociationInfo) -> TitleSection | None:
    """The further AE title of the node that was called, if it was none of [node]."""
    titles = settings.titles.values()
    return next((one for one in titles if one.ae_title == association.called_aet), None)


def priority_of(settings: Settings, association: AssociationInfo) -> int:
    """Priority of what came over this association: the higher of the peer's and the title's."""
    said = peer_of(settings, association), title_of(settings, association)
    return max((PRIORITIES[one.priority] for one in said if one), default=PRIORITIES["routine"])


def settle_after_s(settings: Settings, association: AssociationInfo) -> float:
    """Quiet period of what came over this association: the title's, the peer's, or that of all."""
    said = title_of(settings, association), peer_of(settings, association)
    own = (one.settle_after_s for one in said if one and one.settle_after_s is not None)
    return next(own, settings.receive.settle_after_s)


def actor_of(association: AssociationInfo) -> str:
    """The sender as the audit trail names it."""
    return f"peer:{association.calling_aet}" if association.calling_aet else "node"


def _identity(header: Header) -> dict[str, str]:
    return {
        "patient_id": header.patient.id,
        "patient_name": header.patient.name,
        "patient_birth_date": header.patient.birth_date,
        "patient_sex": header.patient.sex,
        "accession_number": header.accession_number,
        "study_date": header.study_date,
        "description": header.study_description,
    }


def _series_values(arrival: Arrival) -> dict[str, Any]:
    header, association = arrival.header, arrival.association
    senders = {
        "CallingAETitle": association.calling_aet,
        "CalledAETitle": association.called_aet,
        "SendingHost": association.host,
    }
    return {
        "modality": header.modality,
        "number": header.series_number,
        "description": header.series_description,
        "header": header.values | senders,
    }
