"""Quickness with many studies: statements are counted, not seconds."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import event

from tests.integration.web.rows import add_many_studies


@pytest.fixture
def statements(page) -> list[str]:
    """Every SQL statement from now on."""
    told: list[str] = []

    @event.listens_for(page.db.engine, "before_cursor_execute")
    def _on_execute(_connection, _cursor, statement, *_rest):
        if not statement.startswith(("PRAGMA", "BEGIN")):
            told.append(statement)

    return told


def test_a_page_asks_few_questions_however_much_is_kept(page, statements):
    visitor = page.visitor("admin", "admin")
    add_many_studies(page.db, 10_000)
    most = {
        "/studies": 16, "/studies?before=5000": 16, "/studies/5000": 16, "/audit": 8, "/node": 6,
        "/jobs": 6, "/jobs?state=succeeded&before=5000": 6, "/deliveries": 6, "/health": 3,
    }  # fmt: skip
    asked = {}
    for path in most:
        statements.clear()
        answer = visitor.get(path)
        asked[path] = len(statements)
        assert 200 == answer.status_code
        assert len(answer.text) < 400_000

    assert {path: number for path, number in asked.items() if number > most[path]} == {}


def test_ten_thousand_studies_are_walked_without_gap_or_repetition(page):
    add_many_studies(page.db, 2_345)
    visitor = page.visitor("ada")
    path, seen = "/studies", []
    while path:
        html = visitor.get(path).text
        seen += [int(number) for number in re.findall(r'<a href="/studies/(\d+)"', html)]
        older = re.search(r'href="([^"]+)">Older studies', html)
        path = older.group(1).replace("&amp;", "&") if older else ""

    assert list(range(2_345, 0, -1)) == seen


def test_lists_use_an_index_where_they_could_grow(page):
    add_many_studies(page.db, 100)
    plans = {
        "SELECT * FROM study ORDER BY last_received_at DESC, id DESC LIMIT 51": "ix_study_last",
        "SELECT * FROM job WHERE state = 'failed' ORDER BY id DESC LIMIT 101": "ix_job",
        "SELECT * FROM delivery WHERE state = 'failed' ORDER BY id DESC LIMIT 101": "ix_delivery",
        "SELECT state, count(*) FROM job GROUP BY state": "ix_job",
    }
    for statement, index in plans.items():
        with page.db.engine.connect() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}").all()
        assert index in str(plan), statement
