"""AUD-11: the node signs and verifies its trail by the clock, and alerts once for each fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from dicom_node.config import Settings
from dicom_node.trail_watch import Daily, TrailWatch
from dicom_node.web.troubles import troubles_of
from dicom_node.witness import (
    KEY_VARIABLE,
    anchor_of,
    archive_folder_of,
    notary_of,
    proof_of,
    public_file_of,
)
from storage.archive import archives_in
from storage.audit import list_events
from storage.db.queries.audit_positions import move_position
from storage.errors import KeyUnusable
from storage.retention import Archiver
from storage.signing import read_public_keys
from storage.verification import examine
from tests.trail import Tamperer, add_events, altered


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings.model_validate({"node": {"data_folder": str(tmp_path)}})


@pytest.fixture
def watch(db, settings) -> TrailWatch:
    """The watch over a trail of five rows, signed."""
    watch = TrailWatch(db, notary_of(db, settings), proof_of(settings))
    add_events(db, 5)
    watch.sign()
    return watch


@pytest.fixture
def tamperer(db, watch) -> Iterator[Tamperer]:
    tamperer = Tamperer(db.url)
    yield tamperer
    tamperer.close()


def alerts(db) -> list[tuple[int, str, str]]:
    """Outcome, subject and text of each alert, oldest first."""
    with db.read() as session:
        rows = list_events(session, limit=50, event="110113")
    return [(row.outcome, row.subject, row.text) for row in reversed(rows)]


def troubles(watch: TrailWatch, settings: Settings) -> list[str]:
    from dicom_node.observe.health import DiskSpace

    space = DiskSpace(10**6, 10**6, 10**6, "ok")
    return [trouble.text for trouble in troubles_of(space, {}, watch.gauge, [])]


def test_a_whole_trail_alerts_nobody(db, watch, settings):
    assert "unverified" == watch.gauge.standing
    watch.verify()

    assert [] == alerts(db)
    assert ("whole", []) == (watch.gauge.standing, troubles(watch, settings))


def test_a_fault_is_alerted_once_and_its_end_too(db, watch, tamperer, settings):
    text = tamperer.row(3)["text"]
    tamperer.set(3, text=altered(text))
    said = "audit row 3: edited: its content does not match its seal"
    alert = (8, "audit", f"the audit trail does not verify: {said}")

    for _night in range(3):
        watch.verify()
        watch.sign()
    again = TrailWatch(db, notary_of(db, settings), proof_of(settings))
    again.verify()  # in the next life of the node

    assert [alert] == alerts(db)
    assert ("broken", [f"The audit trail does not verify: {said}."]) == (
        again.gauge.standing, troubles(again, settings),
    )  # fmt: skip

    tamperer.set(3, text=text)
    again.verify()
    again.verify()
    assert [alert, (0, "audit", "the audit trail verifies again")] == alerts(db)
    assert ("whole", []) == (again.gauge.standing, troubles(again, settings))

    tamperer.set(3, text=altered(text))
    again.verify()
    assert [alert, alert] == [alerts(db)[0], alerts(db)[2]]


def test_another_fault_is_another_alert(db, watch, tamperer):
    for seq in (4, 2):
        tamperer.set(seq, text="x")
        watch.verify()

    assert ["audit row 4", "audit row 2"] == [
        text.split(": ")[1] for _outcome, _subject, text in alerts(db)
    ]


def test_a_chain_sealed_anew_is_alerted(db, watch, tamperer):
    add_events(db, 1)
    tamperer.rewrite(2, actor="user:nobody")
    db.head_file.unlink()
    add_events(db, 1)

    watch.verify()

    assert ["audit"] == [subject for _outcome, subject, _text in alerts(db)]
    assert "audit row 1: replaced: this row or a later one up to 5" in watch.gauge.fault


def test_an_anchor_that_takes_nothing_is_alerted_once_and_caught_up_with(tmp_path, db, settings):
    lost = tmp_path / "disk" / "audit.anchor"
    settings = Settings.model_validate(
        {"node": {"data_folder": str(tmp_path)}, "trail": {"anchor_file": str(lost)}}
    )
    watch = TrailWatch(db, notary_of(db, settings), proof_of(settings))
    for _minute in range(3):
        add_events(db, 2)
        watch.sign()
    why = "No such file or directory"
    assert [(4, "audit:anchor", f"checkpoints are not anchored outside: {why}")] == alerts(db)
    assert "unanchored" == watch.gauge.standing
    assert [f"The audit trail is not anchored outside: {why}."] == troubles(watch, settings)

    lost.parent.mkdir()
    watch.sign()

    assert [4, 0] == [outcome for outcome, _subject, _text in alerts(db)]
    assert "unanchored" != watch.gauge.standing
    found = examine(db, db.head_file, proof_of(settings))
    assert found.anchored == found.signed == found.last - 1  # the row that tells of it is younger
    assert found.checkpoints == len(lost.read_text().splitlines())


def test_a_checkpoint_is_signed_only_when_rows_were_added(db, watch, settings):
    for _minute in range(3):
        watch.sign()
    assert 1 == len(anchor_of(settings).read_text().splitlines())

    add_events(db, 1)
    watch.sign()
    assert 2 == len(anchor_of(settings).read_text().splitlines())


# --- retention


def test_old_rows_are_archived_after_a_verification_that_found_the_trail_whole(
    db, settings, tmp_path
):
    notary, proof = notary_of(db, settings), proof_of(settings)
    archiver = Archiver(db, notary, proof, archive_folder_of(settings))
    watch = TrailWatch(db, notary, proof, archiver, timedelta(days=-1))  # everything is old
    add_events(db, 5)
    watch.look_after()

    moved = archives_in(archive_folder_of(settings))
    assert ["audit-000000000001-000000000004.jsonl.gz"] == [path.name for path in moved]
    assert 6 == examine(db, db.head_file, proof, moved).rows
    assert ("whole", []) == (watch.gauge.standing, alerts(db))

    tamperer = Tamperer(db.url)
    tamperer.set(5, text="x")
    tamperer.close()
    add_events(db, 3)
    watch.look_after()
    assert moved == archives_in(archive_folder_of(settings))
    assert "broken" == watch.gauge.standing


def test_rows_that_a_repository_is_still_to_be_told_are_not_archived(db, settings):
    notary, proof = notary_of(db, settings), proof_of(settings)
    archiver = Archiver(db, notary, proof, archive_folder_of(settings))
    watch = TrailWatch(db, notary, proof, archiver, timedelta(days=-1), ("near", "far"))
    add_events(db, 9)

    def look_after(**told: int) -> list[str]:
        with db.begin() as session:
            for repository, seq in told.items():
                move_position(session, repository, seq, datetime.now(UTC))
        watch.look_after()
        return [path.name[6:31] for path in archives_in(archive_folder_of(settings))]

    assert [] == look_after(near=8)  # the other was told nothing yet
    assert ["000000000001-000000000003"] == look_after(far=3)
    assert 1 == len(look_after(near=9))
    assert ["000000000004-000000000006"] == look_after(far=6)[1:]
    assert ("whole", []) == (watch.gauge.standing, alerts(db))


def test_a_folder_that_takes_no_archive_is_alerted_once_and_its_end_too(db, settings):
    notary, proof = notary_of(db, settings), proof_of(settings)
    folder = archive_folder_of(settings)
    folder.write_text("no folder")
    archiver = Archiver(db, notary, proof, folder)
    watch = TrailWatch(db, notary, proof, archiver, timedelta(days=-1))
    add_events(db, 5)

    for _day in range(2):
        watch.look_after()
    (trouble,) = troubles(watch, settings)
    assert "not archived: File exists" in trouble
    assert [(8, "audit:archive", "audit rows cannot be archived: File exists")] == alerts(db)

    folder.unlink()
    end = (0, "audit:archive", "audit rows can be archived again")
    watch.look_after()
    assert ([], 2, end) == (troubles(watch, settings), len(alerts(db)), alerts(db)[-1])
    watch.look_after()  # by now the alert itself has been archived
    assert [end] == alerts(db)


def test_without_a_number_of_days_nothing_is_archived(db, watch, settings):
    watch.look_after()

    assert not archive_folder_of(settings).exists()
    assert 5 == examine(db, db.head_file, proof_of(settings)).rows


# --- the key


def test_the_key_is_made_at_the_first_start_and_its_public_half_laid_beside(db, watch, settings):
    folder = settings.node.data_folder
    assert 0o600 == (folder / "audit.key").stat().st_mode & 0o777
    assert 1 == len(read_public_keys(public_file_of(settings)).keys)
    assert proof_of(settings).keys.keys.keys() == read_public_keys(folder / "audit.pub").keys.keys()


def test_the_environment_goes_before_the_file_and_is_not_inherited(
    db, watch, settings, tmp_path, monkeypatch
):
    monkeypatch.setenv(KEY_VARIABLE, "A" * 43 + "=")
    notary = notary_of(db, settings)
    assert KEY_VARIABLE not in os.environ
    add_events(db, 1)
    notary.sign()

    assert 2 == len(read_public_keys(public_file_of(settings)).keys)
    assert 6 == examine(db, db.head_file, proof_of(settings)).anchored  # both keys are trusted


def test_a_key_that_is_none_stops_the_start_in_one_line(db, settings, monkeypatch):
    monkeypatch.setenv(KEY_VARIABLE, "secret")

    with pytest.raises(KeyUnusable, match="neither PEM") as refusal:
        notary_of(db, settings)
    assert "secret" not in str(refusal.value)


# --- once a day


def a_daily(now: str) -> tuple[Daily, list[str]]:
    done: list[str] = []
    start = datetime.fromisoformat(f"{now}:00Z")
    return Daily(time(3), UTC, lambda: done.append("x"), start), done


def test_it_is_done_once_a_day_at_its_time():
    daily, done = a_daily("2026-03-01T12:00")
    now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    for minute in range(3 * 24 * 60):
        daily.look(now + timedelta(minutes=minute))

    assert 3 == len(done)


def test_a_node_started_before_the_time_does_it_today():
    daily, done = a_daily("2026-03-01T02:59")
    daily.look(datetime(2026, 3, 1, 3, 0, tzinfo=UTC))
    daily.look(datetime(2026, 3, 1, 23, 0, tzinfo=UTC))

    assert 1 == len(done)


def test_what_the_start_has_not_done_is_done_after_it():
    done: list[str] = []
    start = datetime(2026, 3, 1, 12, tzinfo=UTC)
    daily = Daily(time(3), UTC, lambda: done.append("x"), start, is_done=False)
    daily.look(start)
    daily.look(start + timedelta(hours=1))

    assert 1 == len(done)


def test_archiving_without_a_time_to_verify_at_is_a_mistake():
    with pytest.raises(ValidationError, match="keep_days needs verify_at"):
        Settings.model_validate({"trail": {"keep_days": 30, "verify_at": ""}})


@pytest.mark.parametrize("back", [1, 24, 24 * 400])
def test_a_clock_set_back_leaves_no_day_out(back):
    daily, done = a_daily("2026-03-01T12:00")
    now = datetime(2026, 3, 2, 12, tzinfo=UTC)
    daily.look(now)
    now -= timedelta(hours=back)
    for hour in range(49):
        daily.look(now + timedelta(hours=hour))

    assert len(done) >= 3


def test_what_breaks_is_done_again_at_the_next_look():
    daily, _done = a_daily("2026-03-01T12:00")
    tries: list[int] = []

    def breaks():
        tries.append(1)
        raise RuntimeError("the database is locked")

    daily._do = breaks
    for minute in range(2):
        with pytest.raises(RuntimeError):
            daily.look(datetime(2026, 3, 2, 3, minute, tzinfo=UTC))

    assert 2 == len(tries)


def test_the_data_folder_holds_what_belongs_there_alone(db, watch, settings):
    left = {each.name for each in Path(settings.node.data_folder).iterdir()}

    assert {"audit.key", "audit.pub", "audit.anchor"} == {
        name for name in left if "head" not in name and not name.startswith("node.db")
    }
