"""The page's questions to the database, on SQLite and on PostgreSQL."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from dicom_node.web.auth.events import user, view_event
from storage.audit import record
from storage.db.queries import accounts, views
from storage.db.queries.study_view import files_of_job, study_view
from storage.db.queries.views import StudySearch
from storage.db.tables import Delivery, Instance, Job, Study
from tests.builders import a_series
from tests.integration.web.rows import (
    NOW,
    add_delivery,
    add_job,
    add_many_studies,
    add_study,
    keep_images,
    keep_results,
)

LATER = NOW + timedelta(hours=1)


def test_studies_come_in_pages_without_gap(db):
    add_many_studies(db, 25)
    seen: list[int] = []
    before = None
    with db.read() as session:
        while True:
            found = views.list_studies(session, StudySearch(), limit=10, before_id=before)
            seen += [line.id for line in found.lines]
            before = found.next_id
            if before is None:
                break

    assert list(range(25, 0, -1)) == seen
    assert (25, 25) == (found.total, found.newest_id)


@pytest.mark.parametrize(
    ("search", "count"),
    [
        (StudySearch(patient="FAMILY1^given"), 11), (StudySearch(patient="_amily"), 0),
        (StudySearch(accession="a2"), 7), (StudySearch(state="routed"), 24),
        (StudySearch(state="trouble"), 2), (StudySearch(patient="p00003", accession="A3"), 1),
    ],
)  # fmt: skip
def test_a_search_asks_for_all_of_its_fields(db, search, count):
    add_many_studies(db, 25)
    with db.begin() as session:
        session.execute(update(Study).where(Study.id == 25).values(state="unmatched"))
        session.execute(update(Job).where(Job.study_id == 24).values(state="failed"))
        session.execute(update(Delivery).where(Delivery.study_id == 23).values(state="held"))

    with db.read() as session:
        assert count == views.list_studies(session, search, limit=5).total


def test_a_line_counts_current_images_and_states(db, store):
    with db.begin() as session:
        kept = add_study(session)
        keep_images(session, store, kept, a_series("CT", slices=3))
        job = add_job(session, kept, state="failed")
        add_job(session, kept, state="succeeded")
        add_delivery(session, job, state="sent")
    with db.begin() as session:
        session.query(Instance).first().is_current = False

    with db.read() as session:
        (line,) = views.list_studies(session, StudySearch(), limit=5).lines

    assert (("CT",), 1, 2) == (line.modalities, line.series, line.instances)
    assert ({"failed": 1, "succeeded": 1}, {"sent": 1}) == (
        line.standing.jobs,
        line.standing.deliveries,
    )


def test_a_study_is_seen_with_all_that_happened_to_it(db, store):
    with db.begin() as session:
        kept = add_study(session)
        keep_images(session, store, kept, a_series("CT", slices=3))
        job = add_job(session, kept, state="succeeded")
        keep_results(session, store, job, "enhanced", a_series("CT", slices=2, key="result"))
        again = add_job(session, kept, state="succeeded", manifest=dict(job.manifest))
        add_delivery(session, job)
        other = add_study(session, "b")
        add_job(session, other)

    with db.read() as session:
        seen = study_view(session, kept.study)
        files, same = files_of_job(session, job.id), files_of_job(session, again.id)

        assert study_view(session, 99) is None
        assert files_of_job(session, 99) is None
    (arrival,) = seen.arrivals
    assert ("SCANNER", 3, 1) == (arrival.calling_aet, arrival.instances, arrival.series)
    assert [job.id, again.id] == [row.id for row in seen.jobs]
    assert (1, 1, 1) == (len(seen.deliveries), len(seen.decisions), len(seen.series))
    assert (3, 2) == (len(files.sources), len(files.enhanced))
    assert files == same  # its results were there already, made by the job before it


def test_a_view_counts_for_its_viewer_its_study_and_its_session(db):
    with db.begin() as session:
        kept = add_study(session)
        study = session.get_one(Study, kept.study)
        seq = record(session, view_event(study, "ada", "192.0.2.1")).seq
    now = datetime.now(UTC)

    with db.read() as session:
        asked = [
            views.viewed_study(session, *question)
            for question in (
                (seq, user("ada"), now - timedelta(minutes=1)),
                (seq, user("eve"), now - timedelta(minutes=1)),
                (seq, user("ada"), now + timedelta(minutes=1)),
                (seq + 1, user("ada"), now - timedelta(minutes=1)),
            )
        ]

    assert [f"study:{kept.study}", "", "", ""] == asked


def test_a_setup_link_is_used_once_and_in_time(db):
    with db.begin() as session:
        accounts.replace_setup_links(session, "old", NOW)
        accounts.replace_setup_links(session, "new", NOW)

    with db.begin() as session:
        used = [
            accounts.use_setup_link(session, name, since=since, now=LATER)
            for name, since in (("old", NOW), ("new", LATER), ("new", NOW), ("new", NOW))
        ]

    assert [False, False, True, False] == used


def test_a_login_name_is_given_once(db):
    values = {"login": "ada", "password_hash": "x", "role": "viewer", "now": NOW}
    with db.begin() as session:
        accounts.add_account(session, **values)

    with pytest.raises(IntegrityError), db.begin() as session:
        accounts.add_account(session, **values)


def test_failed_logins_lock_and_a_good_one_opens(db):
    with db.begin() as session:
        account = accounts.add_account(
            session, login="ada", password_hash="x", role="viewer", now=NOW
        ).id
        for _ in range(2):
            accounts.note_failed_login(session, account, most=3, until=LATER)
        assert accounts.account_by_login(session, "ada").locked_until is None
        accounts.note_failed_login(session, account, most=3, until=LATER)
    with db.begin() as session:
        locked = accounts.account_by_login(session, "ada")
        assert (LATER, 0) == (locked.locked_until, locked.failed_logins)
        accounts.note_good_login(session, account)
    with db.read() as session:
        assert accounts.account_by_login(session, "ada").locked_until is None


def test_old_sessions_are_removed(db):
    with db.begin() as session:
        account = accounts.add_account(
            session, login="ada", password_hash="x", role="viewer", now=NOW
        ).id
        for token, at in (("old", NOW), ("new", LATER)):
            accounts.add_session(
                session, token_hash=token, account_id=account, csrf_token="c", now=at
            )
        accounts.close_sessions_before(session, LATER)

    with db.read() as session:
        assert accounts.open_session(session, "old") is None
        assert "ada" == accounts.open_session(session, "new").login
