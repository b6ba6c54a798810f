"""Studies as the page lists them: a bounded number of rows and of statements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, and_, func, or_, select

from storage.db.tables import Audit, Delivery, Instance, Job, Series, Study

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from sqlalchemy.orm import Session

    from storage.db.queries.work_lists import StateCounts


@dataclass(frozen=True, slots=True)
class StudySearch:
    """What studies are looked for by; empty fields ask for nothing. Patient data.

    Attributes
    ----------
    patient : str
        Words that stand, each of them, in the patient's name or ID, in any case.
    accession : str
        How the accession number begins.
    state : str
        A state of the study, or ``trouble``: a job or delivery of it failed or is held, or it is
        quarantined.
    """

    patient: str = ""
    accession: str = ""
    state: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a study has come: states and counts, nothing of the patient."""

    id: int
    state: str
    incomplete: str
    jobs: StateCounts = field(default_factory=dict)
    deliveries: StateCounts = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StudyLine:
    """One study in the list. Patient data."""

    id: int
    patient_name: str
    patient_id: str
    accession_number: str
    study_date: str
    description: str
    last_received_at: datetime
    modalities: tuple[str, ...]
    series: int
    instances: int
    standing: Standing


@dataclass(frozen=True, slots=True)
class StudyPage:
    """Some of the studies that were looked for, the one that grew last first.

    Attributes
    ----------
    total : int
        How many studies match, on this page or not.
    newest_id : int
        The study with the highest id that there was, matching or not.
    next_id : int or None
        Give it as ``before_id`` for the page after this one; None where there is none.
    """

    lines: tuple[StudyLine, ...]
    total: int
    newest_id: int
    next_id: int | None


def list_studies(
    session: Session, search: StudySearch, *, limit: int, before_id: int | None = None
) -> StudyPage:
    """One page of the studies that match."""
    matching = _matching(search)
    total = session.scalar(select(func.count()).select_from(Study).where(*matching)) or 0
    newest = session.scalar(select(func.max(Study.id))) or 0
    query = select(
        Study.id, Study.patient_name, Study.patient_id, Study.accession_number, Study.study_date,
        Study.description, Study.last_received_at,
    ).where(*matching)  # fmt: skip
    if before_id is not None:
        seen = select(Study.last_received_at).where(Study.id == before_id).scalar_subquery()
        query = query.where(
            or_(
                Study.last_received_at < seen,
                and_(Study.last_received_at == seen, Study.id < before_id),
            )
        )
    query = query.order_by(Study.last_received_at.desc(), Study.id.desc()).limit(limit + 1)
    rows = session.execute(query).all()
    shown = rows[:limit]
    ids = [row.id for row in shown]
    contents = _contents(session, ids)
    standings = {standing.id: standing for standing in standings_of(session, ids)}
    lines = tuple(
        StudyLine(*row, *contents.get(row.id, ((), 0, 0)), standings[row.id]) for row in shown
    )
    return StudyPage(lines, total, newest, ids[-1] if len(rows) > limit else None)


def standings_of(session: Session, study_ids: Sequence[int]) -> list[Standing]:
    """How far these studies have come, in no order."""
    jobs = _counts(session, Job, study_ids)
    deliveries = _counts(session, Delivery, study_ids)
    rows = session.execute(
        select(Study.id, Study.state, Study.incomplete).where(Study.id.in_(study_ids))
    )
    return [Standing(*row, jobs.get(row.id, {}), deliveries.get(row.id, {})) for row in rows]


def count_studies_after(session: Session, study_id: int) -> int:
    """How many studies have come since the one of this id."""
    return session.scalar(select(func.count()).select_from(Study).where(Study.id > study_id)) or 0


def viewed_study(session: Session, seq: int, actor: str, since: datetime) -> str:
    """The subject of the page view that audit row `seq` records, or nothing.

    It has to be the actor's own view (110103, R) and not older than `since`.
    """
    query = select(Audit.subject).where(
        Audit.seq == seq,
        Audit.event == "110103",
        Audit.action == "R",
        Audit.actor == actor,
        Audit.at >= since,
    )
    return session.scalar(query) or ""


def _matching(search: StudySearch) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = [
        or_(
            Study.patient_name.icontains(word, autoescape=True),
            Study.patient_id.icontains(word, autoescape=True),
        )
        for word in search.patient.replace("^", " ").split()
    ]
    if search.accession:
        conditions.append(Study.accession_number.istartswith(search.accession, autoescape=True))
    if search.state == "trouble":
        conditions.append(
            or_(
                Study.state == "quarantined",
                Study.id.in_(select(Job.study_id).where(Job.state == "failed")),
                Study.id.in_(
                    select(Delivery.study_id).where(Delivery.state.in_(("failed", "held")))
                ),
            )
        )
    elif search.state:
        conditions.append(Study.state == search.state)
    return conditions


def _contents(
    session: Session, study_ids: Iterable[int]
) -> dict[int, tuple[tuple[str, ...], int, int]]:
    """By study: its modalities, how many series, and how many current instances."""
    rows = session.execute(
        select(
            Series.study_id,
            Series.modality,
            func.count(Series.id.distinct()),
            func.count(Instance.id),
        )
        .outerjoin(Instance, and_(Instance.series_id == Series.id, Instance.is_current))
        .where(Series.study_id.in_(study_ids))
        .group_by(Series.study_id, Series.modality)
        .order_by(Series.study_id, Series.modality)
    )
    found: dict[int, tuple[tuple[str, ...], int, int]] = {}
    for study_id, modality, series, instances in rows:
        modalities, all_series, all_instances = found.get(study_id, ((), 0, 0))
        found[study_id] = (
            (*modalities, *([modality] if modality else [])),
            all_series + series,
            all_instances + instances,
        )
    return found


def _counts(session: Session, table: Any, study_ids: Iterable[int]) -> dict[int, StateCounts]:  # noqa: ANN401 - Job or Delivery
    rows = session.execute(
        select(table.study_id, table.state, func.count())
        .where(table.study_id.in_(study_ids))
        .group_by(table.study_id, table.state)
    )
    counted: dict[int, StateCounts] = {}
    for study_id, state, number in rows:
        counted.setdefault(study_id, {})[state] = number
    return counted
