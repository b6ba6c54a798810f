"""What the node does by the clock (certificates)."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.config import Settings
from dicom_node.schedule import Duty, begin, look_at_certificates
from storage.audit import list_events
from tests.certificates import Authority
from tests.receiving import wait_until

GUARD = "dicom_node.clock_guard"


@pytest.fixture(scope="module")
def authority(tmp_path_factory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


def settings_of(authority, days) -> Settings:
    node = authority.issue("node", days=days)
    files = {"certificate": node.certificate, "key": node.key, "ca": authority.certificate}
    return Settings.model_validate({"tls": files})


def alerts(db):
    with db.read() as session:
        return list_events(session, limit=10, event="110113")


@pytest.mark.parametrize(
    ("days", "texts"),
    [
        (31.5, []),
        (29.5, ["tls-certificate ends in 29 days"]),
        (0.5, ["tls-certificate ends in 0 days"]),
        (-2, ["tls-certificate has ended"]),
    ],
)
def test_net_08_the_end_of_a_certificate_is_warned_of_30_days_ahead(
    db, authority, capsys, days, texts
):
    look_at_certificates(db, settings_of(authority, days), datetime.now(UTC))

    assert texts == [row.text for row in alerts(db)]
    assert bool(texts) == ("a certificate ends soon" in capsys.readouterr().err)


def test_it_is_warned_of_once_a_day(db, authority):
    settings, now = settings_of(authority, 10), datetime.now(UTC)
    for hour in range(24):
        look_at_certificates(db, settings, now + timedelta(hours=hour))
    assert ["tls-certificate ends in 9 days"] == [row.text for row in alerts(db)]

    look_at_certificates(db, settings, now + timedelta(hours=25))
    assert 2 == len(alerts(db))


def test_a_file_that_cannot_be_read_is_told_and_the_others_are_looked_at(db, authority, capsys):
    settings = settings_of(authority, 10)
    settings.tls.certificate.write_text("nothing")
    look_at_certificates(db, settings, datetime.now(UTC))

    assert [] == alerts(db)
    assert "a certificate cannot be read  name=tls-certificate" in capsys.readouterr().err


def test_a_node_without_tls_has_nothing_to_warn_of(db):
    look_at_certificates(db, Settings(), datetime.now(UTC))

    assert [] == alerts(db)


def test_the_certificate_shown_to_a_repository_is_warned_of_once_a_day_too(db, authority):
    shown, name = authority.issue("node", days=10), "r" * 64
    settings = Settings.model_validate(
        {
            "repositories": {
                name: {
                    "host": "arr",
                    "ca": authority.certificate,
                    "certificate": shown.certificate,
                    "key": shown.key,
                }
            }
        }
    )
    for _hour in range(2):
        look_at_certificates(db, settings, datetime.now(UTC))

    assert [f"{f'repository-{name}'[:48]} ends in 9 days"] == [row.text for row in alerts(db)]


def test_a_duty_is_done_again_and_again_and_never_at_once(capsys):
    done: list[int] = []
    running: list[int] = []

    def slow():
        assert not running
        running.append(1)
        time.sleep(0.03)
        running.pop()
        done.append(1)

    schedule = begin([Duty("slow", 0.01, slow), Duty("other", 0.01, lambda: None)])
    wait_until(lambda: len(done) > 3)
    schedule.shutdown()
    count = len(done)
    time.sleep(0.1)

    assert count == len(done)
    assert "" == capsys.readouterr().err


def test_a_duty_that_breaks_is_told_once_and_done_again(capsys):
    tries: list[int] = []

    def breaks():
        tries.append(1)
        if len(tries) < 4:
            raise RuntimeError("x")

    schedule = begin([Duty("weak", 0.01, breaks)])
    wait_until(lambda: len(tries) > 5)
    schedule.shutdown()

    said = capsys.readouterr().err
    assert (1, 1) == (said.count("duty broke"), said.count("duty is done again"))


def test_duties_go_on_when_the_clock_is_set_back(monkeypatch):
    class Clock(datetime):
        shift = timedelta()

        @classmethod
        def now(cls, tz=None):
            return super().now(tz) + cls.shift

    for reader in ("apscheduler.schedulers.base", "apscheduler.triggers.interval", GUARD):
        monkeypatch.setattr(f"{reader}.datetime", Clock)
    monkeypatch.setattr(f"{GUARD}.LOOK_EVERY_S", 0.05)
    done: list[int] = []
    schedule = begin([Duty("one", 0.02, lambda: done.append(1))])
    wait_until(lambda: done)

    for _time in range(2):
        Clock.shift -= timedelta(hours=1)
        count = len(done)
        wait_until(lambda count=count: len(done) > count + 5)
    schedule.shutdown()

    wait_until(lambda: "clock guard" not in [each.name for each in threading.enumerate()])
