"""The core in the test's own process: it notices what breaks beneath it, and ends rather than idle.

Its supervisor then starts it again (`test_serve.py`).
"""

from __future__ import annotations

import threading
from contextlib import contextmanager

import pytest

from dicom_node.config import Settings
from dicom_node.errors import NodeError
from dicom_node.node import run_core
from dicom_node.witness import proof_of
from storage.audit import list_events, verify
from storage.verification import examine
from tests.databases import opened
from tests.jobs import stub_environment
from tests.receiving import wait_until


@pytest.fixture
def settings(tmp_path, sqlite_template, monkeypatch) -> Settings:
    """Of a core with one slot and one destination, on a database with the schema."""
    for name, value in stub_environment().items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    (folder / "node.db").write_bytes(sqlite_template.read_bytes())
    return Settings.model_validate(
        {
            "node": {"data_folder": folder},
            "receive": {"disk_reserve_mb": 0, "disk_warn_mb": 0},
            "web": {"port": 0},
            "jobs": {"slots": ["cpu"]},
            "peers": {"PACS": {"ae_title": "PACS", "host": "127.0.0.1", "port": 104}},
        }
    )


@contextmanager
def a_core(settings):
    """A running core's thread and what it raised; stopped at the end of the block."""
    stop, raised, before = threading.Event(), [], len(texts(settings, "110100"))

    def run():
        try:
            run_core(settings, stop)
        except NodeError as error:
            raised.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    try:
        wait_until(lambda: len(texts(settings, "110100")) > before or not thread.is_alive())
        yield thread, raised
    finally:
        stop.set()
        thread.join(60)
    assert not thread.is_alive()


def texts(settings, event: str) -> list[str]:
    """What the trail says of one kind of event, newest first."""
    with opened(settings.database_url) as db, db.read() as session:
        return [row.text for row in list_events(session, limit=100, event=event)]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize(
    "broken",
    [
        "dicom_node.jobs.engine_local.next_job_id",
        "dicom_node.jobs.engine_local.running_attempts",
        "dicom_node.delivery.send.next_delivery_id",
    ],
)
def test_a_thread_of_engine_or_delivery_that_dies_ends_the_core(settings, monkeypatch, broken):
    def break_down(*_arguments):
        raise RuntimeError("a mistake in our own code")

    with a_core(settings) as (thread, raised):
        assert thread.is_alive()
        monkeypatch.setattr(broken, break_down)
        thread.join(30)
        assert raised == ["a part of the core ended; its supervisor starts the core again"]


def test_aud_a_head_file_that_is_missing_at_start_is_an_alert_and_the_core_goes_on(settings):
    head = settings.node.data_folder / "audit.head"
    with a_core(settings):
        pass
    assert texts(settings, "110113") == []
    head.unlink()

    with a_core(settings) as (thread, _raised):
        (alert,) = texts(settings, "110113")
        assert "the head file audit.head is missing" in alert
        assert thread.is_alive()

    with opened(settings.database_url) as db:
        assert verify(db, head) > 4


def test_aud_11_the_core_signs_its_start_and_its_stop_outside_the_database(settings):
    for _life in range(2):
        with a_core(settings):
            pass

    with opened(settings.database_url) as db:
        found = examine(db, settings.node.data_folder / "audit.head", proof_of(settings))
    assert found.last == found.anchored > 3
    assert found.checkpoints >= 4
    assert texts(settings, "110113") == []
