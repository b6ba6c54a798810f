"""What is put into a column comes out the same on both databases."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import String, select
from sqlalchemy.exc import StatementError

from storage.db.tables import Audit, Base, Decision, Series, Study
from storage.db.types import OutsideText, storable

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COLUMNS = [column for table in Base.metadata.sorted_tables for column in table.columns]


def test_every_column_says_whether_it_holds_patient_data():
    assert [] == [str(column) for column in COLUMNS if column.info.get("phi") not in {True, False}]


def test_prv_02_whatever_names_a_patient_is_marked():
    words = ("patient", "study_uid", "series_uid", "sop_uid", "accession", "study_date", "file_key")
    naming = [column for column in COLUMNS if any(word in column.name for word in words)]

    assert [] == [str(column) for column in naming if not column.info["phi"]]
    assert len(naming) > 12


def a_study(**values) -> Study:
    return Study(**{"study_uid": "1.2", "created_at": NOW, "last_received_at": NOW, **values})


def stored(db, row):
    """The row as another session reads it."""
    with db.begin() as session:
        session.add(row)
    with db.read() as session:
        return session.get(type(row), row.id)


@pytest.mark.parametrize(
    "at",
    [NOW, NOW.replace(microsecond=0), NOW.replace(microsecond=1),
     NOW.astimezone(timezone(timedelta(hours=5, minutes=45))), datetime(1, 1, 2, tzinfo=UTC)],
)  # fmt: skip
def test_a_time_comes_back_as_aware_utc_to_the_microsecond(db, at):
    read = stored(db, a_study(created_at=at)).created_at

    assert (at, timedelta(0)) == (read, read.utcoffset())


def test_times_are_compared_as_times(db):
    later = NOW.astimezone(timezone(timedelta(hours=-8))) + timedelta(microseconds=1)
    with db.begin() as session:
        session.add_all([a_study(), a_study(study_uid="1.3", created_at=later)])

    with db.read() as session:
        found = session.scalars(select(Study.study_uid).where(Study.created_at > NOW)).all()
    assert ["1.3"] == found


def test_a_time_without_a_zone_is_refused(db):
    with pytest.raises(StatementError, match="naive datetime"):
        stored(db, a_study(created_at=NOW.replace(tzinfo=None)))


@given(value=st.text(st.characters(), max_size=80))
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_any_text_of_a_peer_can_be_stored_and_found(db, value):
    with db.begin() as session:
        study = session.scalars(select(Study)).one_or_none() or a_study()
        study.patient_id = value
        session.add(study)

    with db.read() as session:
        read = session.scalars(select(Study).where(Study.patient_id == value)).one()
        assert storable(value, 64) == read.patient_id


@pytest.mark.parametrize("name", ["山田^太郎", "김^희중", "王^小東", "Buc^Jérôme", "Äneas^Rüdiger"])
def test_names_of_the_world_come_back_as_they_were(db, name):
    assert name == stored(db, a_study(patient_name=name)).patient_name


def test_json_comes_back_as_it_was(db):
    value = [{"n": 0.1 + 0.2, "big": 2**60, "text": "患\0", "none": None, "list": [-0.0, 1e-300]}]
    study = stored(db, a_study())

    read = stored(db, Decision(study_id=study.id, revision=1, explanation=value, decided_at=NOW))

    assert repr(value) == repr([{name: read.explanation[0][name] for name in value[0]}])


def test_json_that_is_none_is_refused_on_both(db):
    study = stored(db, a_study())

    with pytest.raises((StatementError, ValueError), match="JSON compliant"):
        stored(db, Series(study_id=study.id, series_uid="1.2", header={"x": math.nan}))


def test_every_text_of_an_audit_row_takes_what_a_peer_sends():
    by_node = {"previous_hash", "hash"}
    texts = {
        column.name for column in Audit.__table__.columns
        if isinstance(column.type, String | OutsideText) and column.name not in by_node
    }  # fmt: skip

    assert texts == {
        column.name for column in Audit.__table__.columns if isinstance(column.type, OutsideText)
    }
