"""Errors, headers, health, and what the page is made of."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from dicom_node.web.pages import jobs as jobs_page
from tests.builders import CANARY
from tests.databases import administer
from tests.integration.web.visitor import a_page


@pytest.mark.parametrize("path", ["/nothing", "/studies/99", "/studies/x", "/static/../app.py"])
def test_what_is_not_there_is_not_found(page, path):
    answer = page.visitor("ada").get(path)

    assert 404 == answer.status_code
    assert "text/html" in answer.headers["content-type"]


def test_a_fault_shows_nothing_and_logs_no_value(page, monkeypatch, capfd):
    def fail(*_args, **_values):
        raise RuntimeError(f"about {CANARY}")

    visitor = page.visitor("ada")
    monkeypatch.setattr(jobs_page, "JOBS", replace(jobs_page.JOBS, rows_of=fail))
    answer = visitor.get("/jobs")

    assert 500 == answer.status_code
    assert "Zzphi" not in answer.text
    logged = capfd.readouterr().err
    assert "a page failed" in logged
    assert "Zzphi" not in logged
    assert 200 == visitor.get("/deliveries").status_code


def test_a_database_that_does_not_answer_is_said_plainly(page):
    visitor = page.visitor("ada")
    administer(page.db.url, "DROP TABLE delivery")

    answers = {path: visitor.get(path) for path in ("/deliveries", "/health", "/jobs")}

    assert {503} == {answer.status_code for answer in answers.values()}
    assert "The database does not answer" in answers["/deliveries"].text
    assert "out of reach" == answers["/health"].json()["database"]
    assert 200 == visitor.get("/account").status_code


@pytest.mark.parametrize("path", ["/login", "/studies", "/static/style.css", "/nothing", "/health"])
def test_every_answer_carries_the_security_headers(page, path):
    headers = page.visitor("ada").get(path).headers

    assert headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in headers["content-security-policy"]
    assert "DENY" == headers["x-frame-options"]
    assert "nosniff" == headers["x-content-type-options"]
    assert "no-referrer" == headers["referrer-policy"]
    assert path.startswith("/static") or headers["cache-control"] == "no-store"


def test_behind_a_proxy_the_cookie_is_secure(tmp_path, sqlite_template):
    with a_page(tmp_path, sqlite_template, behind_proxy=True) as page:
        page.visitor().get("/login")
        form = page.visitor().get("/login")

        assert "Secure" in form.headers["set-cookie"]
        assert "max-age" in form.headers["strict-transport-security"]


def test_health_is_told_without_a_login_and_without_patients(page, study):
    told = page.visitor().get("/health").json()

    assert {
        "status", "version", "disk", "free_mb", "database", "counts", "audit", "audit_untold",
    } == set(told)  # fmt: skip
    assert {} == told["audit_untold"]  # no repository is configured
    assert ("attention", {"failed": 1, "sent": 1}) == (told["status"], told["counts"]["delivery"])


def test_the_page_never_loads_what_computes_or_talks_dicom():
    code = (
        "import sys; import dicom_node.web.app, dicom_node.web.serve; "
        "print([name for name in ('torch', 'pipelines', 'highdicom', 'pynetdicom', 'scipy', "
        "'skimage') if name in sys.modules])"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )

    assert "[]" == told.stdout.strip()
