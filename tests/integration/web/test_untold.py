"""What the node says of a repository that is not told the trail."""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from datetime import datetime, timedelta

import httpx
import pytest

from dicom_node.config import Settings
from dicom_node.web.app import create_app
from dicom_node.web.serve import serve
from storage import audit
from storage.db.queries.audit_positions import move_position
from storage.files.local import LocalStore
from tests.databases import opened
from tests.integration.web.rows import NOW
from tests.trail import add_events


@contextmanager
def health_of(settings, db):
    served = serve(create_app(db, LocalStore(settings.store_folder), settings), settings)
    try:
        yield lambda: httpx.get(f"{served.url}/health", trust_env=False).json()
    finally:
        served.stop()


@pytest.fixture
def settings(tmp_path, sqlite_template):
    shutil.copyfile(sqlite_template, tmp_path / "node.db")
    return Settings.model_validate(
        {
            "node": {"data_folder": tmp_path},
            "receive": {"disk_reserve_mb": 0, "disk_warn_mb": 0},
            "web": {"port": 0},
            "audit": {"alarm_after_s": 10},
            "repositories": {"arr": {"host": "127.0.0.1", "transport": "udp"}},
        }
    )


def test_health_tells_how_many_rows_wait_and_how_long(settings, tmp_path):
    with (
        opened(settings.database_url, head_file=tmp_path / "audit.head") as db,
        health_of(settings, db) as health,
    ):
        add_events(db, 7)
        told = health()
        assert ("well", 7) == (told["status"], told["audit_untold"]["arr"]["rows"])
        assert 0 <= told["audit_untold"]["arr"]["age_s"] < 10

        with db.begin() as session:
            move_position(session, "arr", 6, NOW)
        assert 1 == health()["audit_untold"]["arr"]["rows"]
        with db.begin() as session:
            move_position(session, "arr", 7, NOW)
            move_position(session, "arr", 3, NOW)  # it never moves back
        assert {"arr": {"rows": 0, "age_s": 0.0}} == health()["audit_untold"]


def test_rows_that_wait_too_long_want_attention(settings, tmp_path, monkeypatch):
    with (
        opened(settings.database_url, head_file=tmp_path / "audit.head") as db,
        health_of(settings, db) as health,
    ):
        monkeypatch.setattr(audit, "datetime", Earlier)
        add_events(db, 1)

        told = health()

    assert "attention" == told["status"]
    assert 3600 <= told["audit_untold"]["arr"]["age_s"] < 3700


class Earlier(datetime):
    """An hour ago."""

    @classmethod
    def now(cls, tz=None):
        return datetime.now(tz) - timedelta(hours=1)
