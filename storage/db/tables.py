"""Every table, in one place. Each column says whether it may hold patient data: ``info={"phi"}``.

Rows are plain typed records; what may change in ``state`` is written in `storage.lifecycle` alone.
Times are aware UTC. Text that peers send is `OutsideText`; UIDs are checked before they come here.
"""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - SQLAlchemy reads the annotations at run time
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column

from storage.db.types import CanonicalJson, OutsideText, UtcDateTime

NAMING = {
    "ix": "ix_%(column_0_label)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}


def _phi(*args: Any, **kwargs: Any) -> MappedColumn[Any]:
    return mapped_column(*args, info={"phi": True}, **kwargs)


def _plain(*args: Any, **kwargs: Any) -> MappedColumn[Any]:
    return mapped_column(*args, info={"phi": False}, **kwargs)


# Audit rows name other rows by number, so a number is never given out twice.
NUMBERED = {"sqlite_autoincrement": True}


class Base(DeclarativeBase):
    """The node's schema."""

    metadata = MetaData(naming_convention=NAMING)


class Association(Base):
    """One DICOM association that brought instances."""

    __tablename__ = "association"
    id: Mapped[str] = _plain(String(36), primary_key=True)  # uuid made by the receiver
    calling_aet: Mapped[str] = _plain(OutsideText(16))
    called_aet: Mapped[str] = _plain(OutsideText(16))
    host: Mapped[str] = _plain(String(255))
    started_at: Mapped[datetime] = _plain(UtcDateTime)
    seen_at: Mapped[datetime] = _plain(UtcDateTime)  # renewed by a living receiver while open
    ended_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    outcome: Mapped[str] = _plain(String(16), default="open")  # open released aborted lost


class Study(Base):
    """One Study, as far as it has arrived."""

    __tablename__ = "study"
    __table_args__ = NUMBERED
    id: Mapped[int] = _plain(Integer, primary_key=True)
    study_uid: Mapped[str] = _phi(String(64), unique=True)
    patient_id: Mapped[str] = _phi(OutsideText(64), default="", index=True)
    patient_name: Mapped[str] = _phi(OutsideText, default="")
    patient_birth_date: Mapped[str] = _phi(OutsideText(8), default="")
    patient_sex: Mapped[str] = _phi(OutsideText(16), default="")
    accession_number: Mapped[str] = _phi(OutsideText(16), default="", index=True)
    study_date: Mapped[str] = _phi(OutsideText(8), default="")
    description: Mapped[str] = _phi(OutsideText, default="")
    state: Mapped[str] = _plain(String(16), default="receiving", index=True)
    revision: Mapped[int] = _plain(Integer, default=1)
    priority: Mapped[int] = _plain(Integer, default=0)
    settle_after_s: Mapped[float] = _plain(Float, default=30.0)
    incomplete: Mapped[str] = _plain(Text, default="")  # evidence, or empty
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    last_received_at: Mapped[datetime] = _plain(UtcDateTime, index=True)


class Series(Base):
    """One Series with the header values that rules match on."""

    __tablename__ = "series"
    id: Mapped[int] = _plain(Integer, primary_key=True)
    study_id: Mapped[int] = _plain(ForeignKey("study.id"), index=True)
    series_uid: Mapped[str] = _phi(String(64), index=True)
    modality: Mapped[str] = _plain(OutsideText(16), default="")
    number: Mapped[int | None] = _plain(Integer, default=None)
    description: Mapped[str] = _phi(OutsideText, default="")
    header: Mapped[dict[str, Any]] = _phi(JSON, default=dict)  # keyword -> str | list[str]
    __table_args__ = (UniqueConstraint("study_id", "series_uid"), NUMBERED)


class Instance(Base):
    """One received object; ``is_current`` is false for a version that a later one replaced."""

    __tablename__ = "instance"
    __table_args__ = NUMBERED
    id: Mapped[int] = _plain(Integer, primary_key=True)
    series_id: Mapped[int] = _plain(ForeignKey("series.id"), index=True)
    sop_uid: Mapped[str] = _phi(String(64), index=True)
    sop_class_uid: Mapped[str] = _plain(String(64))
    transfer_syntax_uid: Mapped[str] = _plain(String(64))
    file_key: Mapped[str] = _phi(String(255), unique=True)  # UIDs are identifiers
    size: Mapped[int] = _plain(BigInteger)
    revision: Mapped[int] = _plain(Integer)  # of the study, when it arrived
    is_current: Mapped[bool] = _plain(default=True)
    association_id: Mapped[str | None] = _plain(ForeignKey("association.id"), default=None)
    received_at: Mapped[datetime] = _plain(UtcDateTime)


class Decision(Base):
    """What every rule said about one revision of a study, with the reasons."""

    __tablename__ = "decision"
    id: Mapped[int] = _plain(Integer, primary_key=True)
    study_id: Mapped[int] = _plain(ForeignKey("study.id"), index=True)
    revision: Mapped[int] = _plain(Integer)
    explanation: Mapped[list[Any]] = _phi(JSON, default=list)  # shows found values
    decided_at: Mapped[datetime] = _plain(UtcDateTime)
    __table_args__ = (UniqueConstraint("study_id", "revision"), NUMBERED)


class Job(Base):
    """One pipeline on one series of one study revision."""

    __tablename__ = "job"
    id: Mapped[int] = _plain(Integer, primary_key=True)
    study_id: Mapped[int] = _plain(ForeignKey("study.id"), index=True)
    series_id: Mapped[int] = _plain(ForeignKey("series.id"), index=True)
    revision: Mapped[int] = _plain(Integer)
    rule: Mapped[str] = _plain(String(64))
    pipeline: Mapped[str] = _plain(String(64))
    pipeline_version: Mapped[str] = _plain(String(32), default="")
    parameters: Mapped[dict[str, Any]] = _plain(JSON, default=dict)
    destinations: Mapped[list[str]] = _plain(JSON, default=list)
    input_key: Mapped[str] = _plain(String(64), index=True)  # sha256 of files, pipeline, parameters
    priority: Mapped[int] = _plain(Integer, default=0)
    state: Mapped[str] = _plain(String(16), default="queued", index=True)
    attempt: Mapped[int] = _plain(Integer, default=0)
    run_after: Mapped[datetime] = _plain(UtcDateTime)
    worker: Mapped[str] = _plain(String(64), default="")  # host:slot of the running attempt
    progress: Mapped[float] = _plain(Float, default=0.0)
    reason_code: Mapped[str] = _plain(String(64), default="")
    reason: Mapped[str] = _plain(OutsideText, default="")
    manifest: Mapped[dict[str, Any]] = _plain(JSON, default=dict)
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    started_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    ended_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    __table_args__ = (Index("ix_job_queue", "state", "priority", "id"), NUMBERED)


class Output(Base):
    """One produced instance."""

    __tablename__ = "output"
    __table_args__ = NUMBERED
    id: Mapped[int] = _plain(Integer, primary_key=True)
    job_id: Mapped[int] = _plain(ForeignKey("job.id"), index=True)
    study_id: Mapped[int] = _plain(ForeignKey("study.id"), index=True)
    kind: Mapped[str] = _plain(String(16))  # of `pipelines.manifest.Kind`
    sop_uid: Mapped[str] = _phi(String(64), unique=True)
    series_uid: Mapped[str] = _phi(String(64), index=True)
    sop_class_uid: Mapped[str] = _plain(String(64))
    transfer_syntax_uid: Mapped[str] = _plain(String(64))
    file_key: Mapped[str] = _phi(String(255), unique=True)
    size: Mapped[int] = _plain(BigInteger)
    sha256: Mapped[str] = _plain(String(64))
    state: Mapped[str] = _plain(String(16), default="produced", index=True)
    produced_at: Mapped[datetime] = _plain(UtcDateTime)


class Delivery(Base):
    """The outputs of one job on their way to one destination."""

    __tablename__ = "delivery"
    id: Mapped[int] = _plain(Integer, primary_key=True)
    job_id: Mapped[int] = _plain(ForeignKey("job.id"), index=True)
    study_id: Mapped[int] = _plain(ForeignKey("study.id"), index=True)
    destination: Mapped[str] = _plain(String(64), index=True)
    priority: Mapped[int] = _plain(Integer, default=0)
    state: Mapped[str] = _plain(String(16), default="queued", index=True)
    attempt: Mapped[int] = _plain(Integer, default=0)
    run_after: Mapped[datetime] = _plain(UtcDateTime)
    accepted: Mapped[int] = _plain(Integer, default=0)
    reason: Mapped[str] = _plain(OutsideText, default="")
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    ended_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    __table_args__ = (UniqueConstraint("job_id", "destination"), NUMBERED)


class CommitmentRequest(Base):
    """A peer's question whether instances are safe here (PS3.4 J), until its answer is told."""

    __tablename__ = "commitment_request"
    id: Mapped[int] = _plain(Integer, primary_key=True)
    calling_aet: Mapped[str] = _plain(OutsideText(16))
    called_aet: Mapped[str] = _plain(OutsideText(16))
    host: Mapped[str] = _plain(String(255))
    transaction_uid: Mapped[str] = _phi(String(64))
    instances: Mapped[list[list[str]]] = _phi(JSON)  # [SOP Class UID, SOP Instance UID]
    state: Mapped[str] = _plain(String(16), default="queued", index=True)
    attempt: Mapped[int] = _plain(Integer, default=0)  # reports over an association of our own
    run_after: Mapped[datetime] = _plain(UtcDateTime)
    safe: Mapped[int] = _plain(Integer, default=0)  # as last reported
    reason: Mapped[str] = _plain(OutsideText, default="")
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    ended_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    __table_args__ = (UniqueConstraint("calling_aet", "transaction_uid"), NUMBERED)


class Audit(Base):
    """One audit event; rows are only ever added (PS3.15 A.5 event names)."""

    __tablename__ = "audit"
    seq: Mapped[int] = _plain(BigInteger, primary_key=True, autoincrement=False)
    at: Mapped[datetime] = _plain(UtcDateTime, index=True)
    event: Mapped[str] = _plain(OutsideText(16), index=True)  # DCM code of EventID
    event_type: Mapped[str] = _plain(OutsideText(16), default="")  # DCM code of EventTypeCode
    action: Mapped[str] = _plain(OutsideText(1))  # C R U D E
    outcome: Mapped[int] = _plain(Integer, default=0)  # 0 4 8 12
    actor: Mapped[str] = _plain(OutsideText(128), index=True)  # peer:AET, user:login, node
    origin: Mapped[str] = _plain(OutsideText(255), default="")  # network access point
    study_uid: Mapped[str] = _phi(OutsideText(64), default="", index=True)
    patient_id: Mapped[str] = _phi(OutsideText(64), default="", index=True)
    accession_number: Mapped[str] = _phi(OutsideText(16), default="")
    subject: Mapped[str] = _plain(OutsideText(64), default="", index=True)  # study:3, job:12
    text: Mapped[str] = _plain(OutsideText, default="")
    detail: Mapped[dict[str, Any]] = _phi(CanonicalJson, default=dict)
    previous_hash: Mapped[str] = _plain(String(64))
    hash: Mapped[str] = _plain(String(64), unique=True)


class AuditPosition(Base):
    """How far a repository has been told the trail; the trail's rows are what is still to tell."""

    __tablename__ = "audit_position"
    repository: Mapped[str] = _plain(String(64), primary_key=True)  # its name in the settings
    seq: Mapped[int] = _plain(BigInteger, default=0)  # the last row that was given away
    moved_at: Mapped[datetime] = _plain(UtcDateTime)


class AuditCheckpoint(Base):
    """A signed statement how far the trail was (`storage.checkpoint`); rows are only ever added."""

    __tablename__ = "audit_checkpoint"
    number: Mapped[int] = _plain(BigInteger, primary_key=True, autoincrement=False)
    line: Mapped[str] = _plain(Text)  # the only truth: `number` is there to be sorted by


class AuditArchive(Base):
    """A sealed archive file; the rows that it holds, and no others, may leave the trail's table."""

    __tablename__ = "audit_archive"
    through: Mapped[int] = _plain(BigInteger, primary_key=True, autoincrement=False)  # last row
    hash: Mapped[str] = _plain(String(64))  # of that row
    file: Mapped[str] = _plain(String(255))  # its name in the archive folder
    sha256: Mapped[str] = _plain(String(64))
    at: Mapped[datetime] = _plain(UtcDateTime)


class Account(Base):
    """A person who may log in."""

    __tablename__ = "account"
    __table_args__ = NUMBERED
    id: Mapped[int] = _plain(Integer, primary_key=True)
    login: Mapped[str] = _plain(String(64), unique=True)
    password_hash: Mapped[str] = _plain(Text)
    role: Mapped[str] = _plain(String(16))  # viewer operator admin auditor
    failed_logins: Mapped[int] = _plain(Integer, default=0)
    locked_until: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    disabled: Mapped[bool] = _plain(default=False)


class LoginSession(Base):
    """A logged-in browser; only the hash of its token is kept."""

    __tablename__ = "login_session"
    token_hash: Mapped[str] = _plain(String(64), primary_key=True)
    account_id: Mapped[int] = _plain(ForeignKey("account.id"), index=True)
    csrf_token: Mapped[str] = _plain(String(64))
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    last_seen_at: Mapped[datetime] = _plain(UtcDateTime)


class SetupLink(Base):
    """The one-time link that makes the first admin; only its hash is kept."""

    __tablename__ = "setup_link"
    token_hash: Mapped[str] = _plain(String(64), primary_key=True)
    created_at: Mapped[datetime] = _plain(UtcDateTime)
    used_at: Mapped[datetime | None] = _plain(UtcDateTime, default=None)
