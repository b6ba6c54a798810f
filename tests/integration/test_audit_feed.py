"""What a repository gets of the trail: all of it, in order, whatever it does meanwhile (AUD-10)."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import time
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.audit import feed as feeds
from dicom_node.audit import telling, wire
from dicom_node.audit.feed import Feed
from dicom_node.audit.feeds import Feeds
from dicom_node.audit.fhir import audit_event_of
from dicom_node.audit.syslog import line_of
from dicom_node.config import Settings
from dicom_node.doctor.network import check_repository
from storage import audit
from storage.audit import list_events, verify
from storage.db.engine import Database
from storage.db.queries.audit_positions import backlogs, position_of, rows_after, told_to_all
from tests.audit_rows import HERE
from tests.certificates import Authority
from tests.fhir_server import a_fhir_server
from tests.receiving import wait_until
from tests.rsyslogd import a_repository, wait_for_messages
from tests.trail import Tamperer, add_events, an_event

BOTH = pytest.mark.parametrize("transport", ["udp", "tls"])


@pytest.fixture
def repository(tmp_path):
    with a_repository(tmp_path, started=False) as made:
        yield made


@pytest.fixture(autouse=True)
def _short_pauses(monkeypatch):
    monkeypatch.setattr(feeds, "FIRST_PAUSE_S", 0.1)
    monkeypatch.setattr(feeds, "LONGEST_PAUSE_S", 0.3)
    monkeypatch.setattr(feeds, "LOOK_EVERY_S", 0.05)


@pytest.fixture
def _quick_to_believe(monkeypatch):
    """A row counts as taken soon, so that it can be late soon."""
    monkeypatch.setattr(telling, "STANDS_S", 0.3)


@contextmanager
def a_feed(db, section, *, alarm_after_s=900.0, last_words_s=5.0):
    relaxed = Database(db.url, durable=False)
    feed = Feed("arr", section, HERE, db, relaxed, alarm_after_s)
    feed.start()
    try:
        yield feed
        assert feed.is_alive
    finally:
        feed.stop(last_words_s)
        feed.await_end(last_words_s)
        relaxed.close()


def wait_until_told(db):
    def is_told():
        with db.read() as session:
            return backlogs(session, ["arr"])[0].rows == 0

    wait_until(is_told, 60)


def expected(db) -> list[str]:
    with db.read() as session:
        lines = [line_of(row, HERE).decode() for row in rows_after(session, 0, 100_000)]
    return [line.partition("\ufeff")[2] for line in lines]


def alarms(db):
    with db.read() as session:
        rows = list_events(session, limit=50, event="110113", subject="repository:arr")
    return [(row.outcome, row.text) for row in reversed(rows)]


@BOTH
def test_every_row_arrives_once_and_in_order(db, repository, transport):
    repository.start()
    add_events(db, 300)

    with a_feed(db, repository.section(transport)):
        wait_for_messages(repository, transport, 300)
        add_events(db, 5)
        found = wait_for_messages(repository, transport, 305)
        wait_until_told(db)

    assert expected(db) == [one.xml for one in found]
    assert {("85", "node1", "dicom-node", "DICOM+RFC3881", "-")} == {
        (one.priority, one.host, one.program, one.message_id, one.structured) for one in found
    }
    assert [] == alarms(db)


@BOTH
def test_the_last_words_are_told_and_not_told_again(db, repository, transport):
    repository.start()
    with a_feed(db, repository.section(transport)):
        add_events(db, 3)
        wait_for_messages(repository, transport, 3)
        add_events(db, 30)
    with db.read() as session:
        assert 33 == position_of(session, "arr")

    with a_feed(db, repository.section(transport)):
        add_events(db, 3)
        found = wait_for_messages(repository, transport, 36)
        wait_until_told(db)

    assert expected(db) == [one.xml for one in found]


@BOTH
@pytest.mark.usefixtures("_quick_to_believe")
def test_a_repository_that_was_down_gets_everything_in_order_and_the_alarm_is_told_once(
    db, repository, transport
):
    add_events(db, 250)
    with a_feed(db, repository.section(transport), alarm_after_s=2.0, last_words_s=0):
        wait_until(lambda: alarms(db))
        time.sleep(2)
    with a_feed(db, repository.section(transport), alarm_after_s=2.0):
        time.sleep(1)
        repository.start()
        wait_for_messages(repository, transport, 251)
        wait_until(lambda: len(alarms(db)) > 1)
        wait_until_told(db)
    found = wait_for_messages(repository, transport, 252)

    assert expected(db) == list(dict.fromkeys(one.xml for one in found))
    assert len(found) <= 252 + 3, "a row or so may have gone into the void and come again"
    (begun, why), (ended, _text) = alarms(db)
    assert (4, 0) == (begun, ended)
    assert "the audit repository arr has taken no messages for" in why
    assert ("nobody listens there" if transport == "udp" else "refused") in why
    assert 252 == verify(db, db.head_file)


def test_what_a_killed_repository_may_not_have_read_is_told_again(db, repository):
    repository.start()
    add_events(db, 1000)

    with a_feed(db, repository.section("tls")):
        wait_until(lambda: len(repository.got("tls")) > 100)
        repository.kill()
        repository.start()
        add_events(db, 100)
        found = wait_for_messages(repository, "tls", 1100)
        wait_until_told(db)

    assert expected(db) == sorted({one.xml for one in found}, key=expected(db).index)


class Closing:
    """Accepts, shakes hands, reads what comes at first or nothing, and closes after a while."""

    def __init__(
        self, repository, *, reads: bool, after_s: float = 0.0, port: int | None = None
    ) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = repository._authority.issue("closing", also="DNS:localhost,IP:127.0.0.1")
        context.load_cert_chain(own.certificate, own.key)
        context.load_verify_locations(repository._authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        self._context, self._reads, self._after_s = context, reads, after_s
        wanted = repository.tls_port if port is None else port
        self._listener = socket.create_server(("127.0.0.1", wanted))
        self.port = self._listener.getsockname()[1]
        self.read: list[bytes] = []
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                plain, _address = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            with self._context.wrap_socket(plain, server_side=True) as connection:
                if self._reads:
                    self.read.append(connection.recv(65536))
                time.sleep(self._after_s)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.usefixtures("_quick_to_believe")
def test_a_repository_that_accepts_and_closes_is_not_thought_to_have_taken_anything(
    db, repository, reads
):
    add_events(db, 50)
    closing = Closing(repository, reads=reads)
    with a_feed(db, repository.section("tls"), alarm_after_s=2.0):
        wait_until(lambda: closing.calls > 5 and alarms(db))
        with db.read() as session:
            assert 0 == position_of(session, "arr")
        assert 1 >= len(set(closing.read)), "one message goes ahead, the others wait"
        assert 1 == len(alarms(db))
        closing.close()
        repository.start()
        found = wait_for_messages(repository, "tls", 52)
        wait_until_told(db)

    assert expected(db) == [one.xml for one in found]


@pytest.mark.usefixtures("_quick_to_believe")
def test_a_repository_that_reads_nothing_any_more_holds_up_nobody(
    db, repository, monkeypatch, capsys
):
    monkeypatch.setattr(wire, "WRITE_WITHIN_S", 1.0)
    long = {"text": "x" * 1000, "detail": {"sop_classes": {f"1.2.{n}": n for n in range(48)}}}
    with db.begin() as session:
        for number in range(3000):
            audit.record(session, an_event(number, **long))
    closing = Closing(repository, reads=False, after_s=60.0)
    with a_feed(db, repository.section("tls"), alarm_after_s=2.0, last_words_s=0.5) as feed:
        wait_until(lambda: "did not answer in time" in capsys.readouterr().err)
        before = time.monotonic()
        add_events(db, 3)
        assert time.monotonic() - before < 2
        wait_until(lambda: alarms(db))
        assert feed.is_alive
    closing.close()
    with db.read() as session:
        assert 3000 > position_of(session, "arr")


def test_last_words_that_the_repository_left_unread_are_told_again(db, repository):
    add_events(db, 3)
    closing = Closing(repository, reads=False, after_s=1.0)
    with a_feed(db, repository.section("tls"), last_words_s=10):
        wait_until(lambda: closing.calls)
        time.sleep(0.3)
    closing.close()
    with db.read() as session:
        assert 0 == position_of(session, "arr")


@pytest.mark.parametrize("fault", ["our certificate", "its name", "its authority", "no file"])
def test_without_the_right_certificates_nothing_is_told_and_the_reason_is(
    db, repository, tmp_path, fault, capsys
):
    repository.start()
    add_events(db, 2)
    section = repository.section("tls")
    stranger = Authority(tmp_path / "stranger")
    ours = stranger.issue("node")
    change = {
        "our certificate": {"certificate": ours.certificate, "key": ours.key},
        "its name": {"certificate_name": "other.example"},
        "its authority": {"ca": stranger.certificate},
        "no file": {"key": tmp_path / "missing.key"},
    }[fault]
    with a_feed(db, section.model_copy(update=change), alarm_after_s=0.5):
        wait_until(lambda: alarms(db))

    assert [] == repository.got("tls")
    with db.read() as session:
        assert 0 == position_of(session, "arr")
    said = capsys.readouterr().err
    assert 1 <= said.count("audit repository out of reach") <= 2


def test_doctor_tells_whether_a_repository_accepts_the_node(repository, tmp_path):
    stranger = Authority(tmp_path / "stranger").issue("node")
    section = repository.section("tls")
    unknown = section.model_copy(update={"certificate": stranger.certificate, "key": stranger.key})
    assert "connection refused" in check_repository("arr", section).text
    repository.start()

    assert [True, False, None] == [
        check_repository("arr", one).ok for one in (section, unknown, repository.section("udp"))
    ]


def test_retention_learns_how_far_all_repositories_are(db, repository):
    repository.start()
    add_events(db, 5)
    with a_feed(db, repository.section("tls")):
        wait_until_told(db)

    with db.read() as session:
        assert 5 == told_to_all(session, ["arr"])
        assert 0 == told_to_all(session, ["arr", "new"])
        assert None is told_to_all(session, [])


@pytest.mark.parametrize("written", ["no json", "[" * 100_000], ids=["no json", "nested"])
def test_a_row_that_somebody_wrote_past_the_node_stops_the_messages_and_not_the_node(
    db, repository, capsys, written
):
    repository.start()
    add_events(db, 9)
    tamperer = Tamperer(db.url)
    before = tamperer.row(6)["detail"]
    tamperer.set(6, detail=written)

    with a_feed(db, repository.section("tls")):
        wait_until(lambda: "audit rows unreadable" in capsys.readouterr().err)
        time.sleep(0.5)
        assert "audit rows unreadable" not in capsys.readouterr().err
        tamperer.set(6, detail=before)
        found = wait_for_messages(repository, "tls", 9)
    tamperer.close()

    assert expected(db) == [one.xml for one in found]


def test_a_fhir_server_gets_every_row_once_and_is_asked_again_where_it_refused(db, repository):
    """ITI-20, the RESTful feed; the server says what it has taken."""
    add_events(db, 30)
    with a_fhir_server(repository, 503, 503, 422) as server, a_feed(db, server.section):
        wait_until_told(db)
        add_events(db, 10)
        wait_until_told(db)

    with db.read() as session:
        rows = rows_after(session, 0, 100)
    assert [json.loads(audit_event_of(row, HERE)) for row in rows] == server.events
    assert 3 + 40 == server.asked
    assert 40 == len(server.events)


def test_a_fhir_server_that_hangs_up_after_each_answer_is_called_again_over_tls(db, repository):
    add_events(db, 5)
    with a_fhir_server(repository, hangs_up=True) as server, a_feed(db, server.section):
        wait_until_told(db)

    assert 5 == len(server.events) == server.asked


def test_a_repository_that_is_stuck_takes_no_time_from_the_last_words_of_another(
    db, repository, tmp_path
):
    repository.start()
    section = repository.section("tls")
    with closing(Closing(repository, reads=False, after_s=30, port=0)) as stuck:
        settings = Settings.model_validate({
            "node": {"data_folder": str(tmp_path / "data")},
            "database": {"url": db.url},
            "repositories": {
                "a": {**section.model_dump(), "port": stuck.port},
                "b": section.model_dump(),
            },
        })  # fmt: skip
        both = Feeds(db, settings)
        both.start()
        add_events(db, 3)
        wait_for_messages(repository, "tls", 3)
        add_events(db, 1)
        both.stop(4.0)

        assert 4 == len(wait_for_messages(repository, "tls", 4))
    with db.read() as session:
        assert 4 == position_of(session, "b")


def test_rows_of_a_time_when_nobody_told_them_raise_no_alarm(db, repository):
    """The node was off, or the repository is new: it is not late before it was asked."""
    repository.start()
    before = datetime.now(UTC) - timedelta(days=365)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audit, "datetime", type("Then", (datetime,), {"now": lambda _tz: before}))
        add_events(db, 20)

    with a_feed(db, repository.section("tls"), alarm_after_s=10.0):
        wait_until_told(db)

    assert [] == alarms(db)


def test_a_clock_that_goes_back_changes_nothing_of_what_is_told(db, repository, monkeypatch):
    class Set(datetime):
        """A machine's clock that somebody sets."""

        by = timedelta()

        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + cls.by

    monkeypatch.setattr(audit, "datetime", Set)
    monkeypatch.setattr(feeds, "datetime", Set)
    repository.start()
    with a_feed(db, repository.section("tls"), alarm_after_s=10.0):
        for days in (0, -400, 400, -1, 0):
            Set.by = timedelta(days=days)
            add_events(db, 4)
            time.sleep(0.5)
        found = wait_for_messages(repository, "tls", 20)
        wait_until_told(db)

    assert expected(db) == [one.xml for one in found]
    assert [] == alarms(db)
    assert 20 == verify(db, db.head_file)
