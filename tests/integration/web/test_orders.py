"""What people order: jobs, deliveries, users, the trail."""

from __future__ import annotations

import re

import pytest

from storage.db.tables import Delivery, Job
from tests.databases import administer
from tests.integration.web.visitor import PASSWORD, Page
from tests.trail import Tamperer


def test_an_operator_reruns_a_refused_job(page, study):
    visitor = page.visitor("ada", "operator")

    answer = visitor.send_form("/jobs", "/jobs/3/rerun", back=f"/studies/{study}")

    assert f"/studies/{study}?said=rerun" == answer.headers["location"]
    assert "queued" == _job(page, 3).state
    assert ("user:ada", "job:3") == (page.trail()[-1].actor, page.trail()[-1].subject)
    again = visitor.send_form("/jobs", "/jobs/3/rerun")
    assert "/jobs?said=moved-on" == again.headers["location"]


def test_an_operator_cancels_a_job_and_resends_a_delivery(page, study):
    visitor = page.visitor("ada", "operator")
    visitor.send_form("/jobs", "/jobs/3/rerun")

    visitor.send_form("/jobs", "/jobs/3/cancel")
    answer = visitor.send_form("/deliveries", "/deliveries/2/resend", back="//evil.example")

    assert "cancelled" == _job(page, 3).state
    assert "/deliveries?said=resent" == answer.headers["location"]
    with page.db.read() as session:
        assert "queued" == session.get(Delivery, 2).state


def _job(page: Page, job_id: int) -> Job:
    with page.db.read() as session:
        return session.get_one(Job, job_id)


def test_an_admin_adds_and_disables_users(page):
    admin = page.visitor("admin", "admin")

    admin.send_form("/users", "/users", name="bea", password=PASSWORD, role="viewer")
    bea = page.visitor()
    assert 303 == bea.log_in("bea").status_code
    assert 200 == bea.get("/studies").status_code
    admin.send_form("/users", "/users/2/disable")

    assert 303 == bea.get("/studies").status_code
    assert 401 == bea.log_in("bea").status_code
    told = [(row.actor, row.text) for row in page.trail("110113")][1:]
    assert [
        ("user:admin", "account made, role viewer"),
        ("user:admin", "account disabled"),
    ] == told


@pytest.mark.parametrize(
    ("action", "fields", "problem"),
    [
        ("/users", {"name": "admin", "password": PASSWORD}, "taken"),
        ("/users", {"name": "bea", "password": "bea bea bea bea"}, "login name"),
        ("/users", {"name": "bea", "password": PASSWORD, "role": "king"}, "A role is one of"),
        ("/users/1/disable", {}, "last admin"),
        ("/users/9/disable", {}, "no such account"),
    ],
)
def test_what_cannot_be_done_to_users_is_said(page, action, fields, problem):
    answer = page.visitor("admin", "admin").send_form("/users", action, **fields)

    assert 422 == answer.status_code
    assert problem in answer.text


def test_a_changed_password_logs_everybody_else_out(page):
    ada, elsewhere = page.visitor("ada"), page.visitor()
    elsewhere.log_in("ada")
    new = "another horse entirely"

    wrong = ada.send_form("/account", "/account", now="x", password=new, again=new)
    ada.send_form("/account", "/account", now=PASSWORD, password=new, again=new)

    assert 422 == wrong.status_code
    assert 303 == elsewhere.get("/studies").status_code
    assert (401, 303) == (ada.log_in("ada").status_code, ada.log_in("ada", new).status_code)


def test_reading_and_verifying_the_trail_is_in_the_trail(page):
    admin = page.visitor("admin", "admin")
    admin.get("/audit")

    html = admin.send_form("/account", "/audit/verify").text

    assert re.search(r"All \d+ rows are as they were written", html)
    assert ["trail read", "trail verified", "trail read"] == [
        row.text for row in page.trail("110101")
    ]


def test_a_broken_trail_is_shown_with_its_row(page):
    admin = page.visitor("admin", "admin")
    triggers = "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    with page.db.engine.connect() as connection:
        names = [name for (name,) in connection.exec_driver_sql(triggers)]
    drops = [f"DROP TRIGGER {name}" for name in names]
    administer(page.db.url, *drops, "UPDATE audit SET text = 'x' WHERE seq = 2")

    html = admin.send_form("/account", "/audit/verify").text

    assert "broken at row 2" in html


def test_a_broken_trail_is_a_trouble_on_the_node_page_and_in_health_until_it_verifies(page):
    admin = page.visitor("admin", "admin")
    assert "unverified" == admin.get("/health").json()["audit"]
    admin.get("/audit")
    assert "All is well." in admin.get("/node").text
    tamperer = Tamperer(page.db.url)
    before = tamperer.row(2)["text"]

    tamperer.set(2, text="x")
    admin.send_form("/account", "/audit/verify")

    told = "The audit trail does not verify: audit row 2: edited"
    assert told in admin.get("/node").text
    health = admin.get("/health")
    assert (200, "attention", "broken") == (
        health.status_code, health.json()["status"], health.json()["audit"],
    )  # fmt: skip

    tamperer.set(2, text=before)
    tamperer.close()
    admin.send_form("/account", "/audit/verify")
    assert told not in admin.get("/node").text
