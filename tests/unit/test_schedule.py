"""What the node does by the clock (certificates)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.config import Settings
from dicom_node.schedule import look_at_certificates
from storage.audit import list_events
from tests.certificates import Authority


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
