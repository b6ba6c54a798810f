"""Getting in and out, over HTTP."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import update

from dicom_node.web.auth import first_admin_link
from dicom_node.web.auth.login import MOST_FAILURES
from storage.db.tables import Account, LoginSession
from tests.integration.web.visitor import PASSWORD, Page


def test_first_admin_link_makes_one_admin_once(page):
    stale = first_admin_link(page.db, page.url)
    link = first_admin_link(page.db, page.url)
    visitor = page.visitor()

    assert 404 == visitor.get(stale).status_code
    path = link.removeprefix(page.url)
    made = visitor.send_form(path, path, name="admin", password=PASSWORD, again=PASSWORD)
    assert (303, "/") == (made.status_code, made.headers["location"])
    assert 200 == visitor.get("/users").status_code
    assert 404 == visitor.get(link).status_code
    assert first_admin_link(page.db, page.url) is None


@pytest.mark.parametrize("role", ["viewer", "operator", "auditor"])
def test_the_link_is_offered_while_there_are_accounts_but_no_admin(page, role):
    page.add_account("ada", role)

    link = first_admin_link(page.db, page.url)

    assert 200 == page.visitor().get(link).status_code


def test_the_link_is_offered_where_the_only_admin_is_disabled(page):
    page.add_account("ada", "admin")
    assert first_admin_link(page.db, page.url) is None
    with page.db.begin() as session:
        session.execute(update(Account).values(disabled=True))

    link = first_admin_link(page.db, page.url)

    assert 200 == page.visitor().get(link).status_code


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"password": "short", "again": "short"}, "at least 12"),
        ({"password": PASSWORD, "again": PASSWORD + "!"}, "differ"),
        ({"password": PASSWORD, "again": PASSWORD, "name": "a b"}, "letters, digits"),
    ],
)
def test_a_bad_first_admin_leaves_the_link_usable(page, fields, problem):
    link = first_admin_link(page.db, page.url).removeprefix(page.url)
    visitor = page.visitor()

    refused = visitor.send_form(link, link, **{"name": "admin", **fields})

    assert 422 == refused.status_code
    assert problem in refused.text
    assert 200 == visitor.get(link).status_code


def test_login_and_logout_are_in_the_trail(page):
    visitor = page.visitor("ada")
    visitor.send_form("/studies", "/logout")

    told = [(row.event_type, row.outcome, row.actor) for row in page.trail("110114")]
    assert [("110122", 0, "user:ada"), ("110123", 0, "user:ada")] == told
    assert "127.0.0.1" == page.trail("110114")[0].origin
    assert 303 == visitor.get("/studies").status_code


def test_a_logged_out_token_is_worthless(page):
    visitor = page.visitor("ada")
    token = visitor.cookies["dicom-node"]
    visitor.send_form("/studies", "/logout")

    assert (
        303 == page.visitor().get("/studies", headers={"Cookie": f"dicom-node={token}"}).status_code
    )


def test_tokens_and_passwords_are_kept_as_hashes_only(page, tmp_path):
    visitor = page.visitor("ada")
    token = visitor.cookies["dicom-node"]

    kept = b"".join(path.read_bytes() for path in tmp_path.glob("node.db*"))
    assert token.encode() not in kept
    assert PASSWORD.encode() not in kept


def test_a_failed_login_names_existing_accounts_only(page):
    page.visitor("ada")
    stranger = page.visitor()

    answers = [stranger.log_in("ada", "wrong password"), stranger.log_in("my secret", "x")]

    assert [401, 401] == [answer.status_code for answer in answers]
    failed = [row for row in page.trail("110114") if row.outcome == 4]
    assert ["user:ada", "unknown"] == [row.actor for row in failed]
    assert not [row for row in page.trail() if "my secret" in repr(vars(row))]
    sentences = {re.search(r'role="alert">([^<]+)', answer.text).group(1) for answer in answers}
    assert 1 == len(sentences)


def test_an_account_is_locked_after_failures_and_opens_again(page):
    page.visitor("ada")
    stranger = page.visitor()
    for _ in range(MOST_FAILURES):
        stranger.log_in("ada", "wrong password")

    assert 401 == stranger.log_in("ada").status_code
    assert "login failed: account locked" == page.trail("110114")[-1].text
    with page.db.begin() as session:
        session.execute(update(Account).values(locked_until=datetime.now(UTC)))
    assert 303 == stranger.log_in("ada").status_code


def test_a_silent_session_ends_and_polling_does_not_keep_it(page):
    visitor = page.visitor("ada")
    limit = timedelta(minutes=page.settings.web.session_minutes)
    polled = "/jobs/lines"

    _age(page, limit - timedelta(seconds=20))
    assert 200 == visitor.get(polled, headers={"HX-Request": "true"}).status_code
    _age(page, timedelta(seconds=40))
    silent = visitor.get(polled, headers={"HX-Request": "true"})
    assert (401, "/login?said=timed-out") == (silent.status_code, silent.headers["HX-Redirect"])

    visitor.log_in("ada")
    _age(page, limit - timedelta(seconds=20))
    assert 200 == visitor.get("/jobs").status_code
    _age(page, timedelta(seconds=40))
    assert 200 == visitor.get("/jobs").status_code


def _age(page: Page, by: timedelta) -> None:
    with page.db.begin() as session:
        for row in session.query(LoginSession):
            row.last_seen_at -= by


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_a_login_leads_to_this_page_only(page, after):
    page.visitor("ada")
    visitor = page.visitor()

    answer = visitor.send_form("/login", "/login", name="ada", password=PASSWORD, after=after)

    assert "/" == answer.headers["location"]


def test_the_session_cookie_is_for_this_page_alone(page):
    page.visitor("ada")
    cookie = page.visitor().log_in("ada").headers["set-cookie"]

    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Secure" not in cookie  # plain http on the loopback address


def test_no_audit_row_is_written_by_looking_at_the_way_in(page):
    visitor = page.visitor()
    for path in ("/login", "/health", "/static/style.css", "/first-admin/x", "/"):
        visitor.get(path)

    assert [] == page.trail()
