"""What the page says of the disk."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from dicom_node.observe.health import DiskGauge, DiskSpace
from dicom_node.web.auth import visits
from storage.db.queries import accounts
from storage.db.tables import Job


@pytest.fixture
def stand(monkeypatch):
    """Puts the node on a step of the ladder."""

    def put(verdict, files=1000):
        space = DiskSpace(5 * 1024, 100 * 1024, files, verdict)
        monkeypatch.setattr(DiskGauge, "look", lambda _gauge: space)

    return put


@pytest.mark.parametrize(
    ("verdict", "says", "status"),
    [
        ("ok", "Enough room", 200),
        ("low", "The disk runs low", 200),
        ("tight", "jobs wait until there is room; studies are received", 200),
        ("full", "nothing more is received and jobs wait until there is room", 503),
    ],
)
def test_every_step_is_told_in_words_on_the_node_page_and_by_health(
    page, stand, verdict, says, status
):
    stand(verdict)

    html = page.visitor("ada").get("/node").text

    assert says in html
    assert (verdict != "ok") == ('role="alert"' in html)
    told = page.visitor().get("/health")
    assert (status, verdict) == (told.status_code, told.json()["disk"])


def test_jobs_that_wait_for_the_disk_say_so_and_the_list_renews_itself(page, study, stand):
    with page.db.begin() as session:
        session.execute(update(Job).values(state="queued"))
    visitor = page.visitor("ada")
    stand("low")
    assert "waiting for disk space" not in visitor.get("/jobs").text

    stand("tight")

    assert "waiting for disk space" in visitor.get("/jobs").text
    assert "waiting for disk space" in visitor.get("/jobs/lines?seen=before").text
    assert "waiting for disk space" in visitor.get("/node").text


def test_a_disk_without_room_for_files_is_explained(page, stand):
    stand("full", files=0)

    assert "can hold no more files" in page.visitor("ada").get("/node").text


def test_the_node_is_shown_though_the_database_takes_nothing(page, monkeypatch):
    """A session that cannot be renewed is renewed by a later page."""
    visitor = page.visitor("ada")
    tried = []

    def is_full(*_arguments):
        tried.append(1)
        raise OperationalError("update", {}, Exception("database or disk is full"))

    monkeypatch.setattr(visits, "RENEW_EVERY", timedelta(0))
    monkeypatch.setattr(accounts, "renew_session", is_full)

    assert 200 == visitor.get("/node").status_code
    assert tried
