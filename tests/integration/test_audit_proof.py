"""AUD-11: what an attacker does to a signed trail, its checkpoints and files is found and placed.

He has the database's credentials and has read the program. He has not the key.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import make_url

from storage.audit import record
from storage.checkpoint import digest_of, line_of, parse, signed
from storage.db.backup import backup
from storage.db.engine import Database
from storage.errors import AuditBroken
from storage.head import Head
from storage.proof import Proof
from storage.signing import KeyRing, read_or_make_key
from storage.verification import examine
from tests.databases import administer, database_url, opened
from tests.trail import Notarised, Tamperer, add_events, altered, an_event

# Three checkpoints, over rows 10, 20 and 30, and five younger rows.
ROWS, LAST_SIGNED = 35, 30


@pytest.fixture
def trail(db, tmp_path) -> Notarised:
    """A trail with checkpoints over rows 10, 20 and 30, and five younger rows."""
    trail = Notarised(db, tmp_path)
    trail.grow(10, 10, 10)
    add_events(db, ROWS - LAST_SIGNED)
    return trail


@pytest.fixture
def tamperer(trail) -> Iterator[Tamperer]:
    tamperer = Tamperer(trail.db.url)
    examined = trail.examine()
    assert (ROWS, LAST_SIGNED, LAST_SIGNED, 3) == (
        examined.rows, examined.signed, examined.anchored, examined.checkpoints,
    )  # fmt: skip
    yield tamperer
    tamperer.close()


@pytest.fixture
def stranger(tmp_path):
    """Another's key."""
    return read_or_make_key(tmp_path / "stranger.key")


def stored(tamperer: Tamperer, number: int, line: str) -> None:
    tamperer.run("UPDATE audit_checkpoint SET line = :l WHERE number = :n", n=number, l=line)


def forged(line: str, key, **values) -> str:
    """The checkpoint with other values, signed by another key."""
    one = replace(parse(line), **values)
    return line_of(
        signed(
            key, number=one.number, head=Head(one.count, one.hash), cut=one.cut,
            previous=one.previous, at=datetime.fromisoformat(one.at),
        )
    )  # fmt: skip


# --- the window: only what is younger than the last outside checkpoint can be rewritten


@pytest.mark.parametrize("first", [1, 9, 10, 11, 20, 21, 29, 30])
def test_a_chain_sealed_anew_from_a_signed_row_is_found_up_to_the_last_one(trail, tamperer, first):
    tamperer.rewrite(first, actor="user:nobody")

    seq, reason = trail.fault()

    start, end = (first - 1) // 10 * 10 + 1, (first + 9) // 10 * 10
    assert (start, True) == (seq, start <= first <= end)
    assert reason == (
        f"replaced: this row or a later one up to {end} was sealed anew: "
        f"signed checkpoint {end // 10} holds another hash for row {end}"
    )


@pytest.mark.parametrize("first", [31, 35])
def test_a_chain_sealed_anew_after_the_last_checkpoint_is_the_window_that_is_not_found(
    trail, tamperer, first
):
    tamperer.rewrite(first, actor="user:nobody")

    examined = trail.examine()
    assert (ROWS, LAST_SIGNED) == (examined.rows, examined.anchored)


def test_the_next_checkpoint_closes_the_window(trail, tamperer):
    trail.notary.sign()
    tamperer.rewrite(31, actor="user:nobody")

    assert (31, "replaced") == short(trail.fault())


def test_what_is_signed_inside_the_database_alone_is_in_the_window(trail, tamperer):
    """The window is counted from the outside checkpoint, not from the last one in the database."""
    lines = trail.lines()
    trail.notary.sign()
    trail.write_lines(lines)
    tamperer.rewrite(31, actor="user:nobody")
    assert (31, "replaced") == short(trail.fault())

    tamperer.run("DELETE FROM audit_checkpoint WHERE number = 4")

    examined = trail.examine()
    assert (ROWS, LAST_SIGNED) == (examined.rows, examined.anchored)


def test_a_chain_sealed_anew_stays_found_when_the_node_goes_on_signing(trail, tamperer):
    tamperer.rewrite(15, actor="user:nobody")
    trail.grow(3, 4)

    assert (11, "replaced") == short(trail.fault())


def short(fault: tuple[int, str]) -> tuple[int, str]:
    return fault[0], fault[1].partition(":")[0]


# --- rows: each kind, with the exact row


def test_an_edit_is_placed_at_its_row(trail, tamperer):
    for seq in (1, 10, 17, 30, 33):
        before = tamperer.row(seq)["text"]
        tamperer.set(seq, text=altered(before))
        assert (seq, "edited") == short(trail.fault())
        tamperer.set(seq, text=before)


@pytest.mark.parametrize("first", [1, 10, 11, 30, 34])
def test_deleted_rows_are_placed_at_the_first_of_them(trail, tamperer, first):
    tamperer.run("DELETE FROM audit WHERE seq BETWEEN :a AND :b", a=first, b=first + 1)
    if first + 1 == ROWS:
        assert ROWS - 2 == trail.examine().rows  # younger than the last checkpoint: the window
    else:
        assert (first, "missing") == short(trail.fault())


@pytest.mark.parametrize("first", [1, 10, 11, 30])
def test_a_trail_cut_off_at_its_end_is_placed_at_the_first_row_that_lacks(trail, tamperer, first):
    tamperer.run("DELETE FROM audit WHERE seq >= :first", first=first)

    seq, reason = trail.fault()
    number = (first + 9) // 10
    assert (first, f"missing: signed checkpoint {number} counts {number * 10} rows") == (
        seq, reason,
    )  # fmt: skip


def test_an_inserted_row_is_placed(trail, tamperer):
    for seq in (1, 11, 25):
        row = {**tamperer.row(2), "seq": -seq}
        tamperer.insert({**row, "hash": "f" * 63 + str(seq % 10)})
        assert (1, "inserted") == short(trail.fault())
        tamperer.run("DELETE FROM audit WHERE seq = :seq", seq=-seq)


@pytest.mark.parametrize("seq", [1, 11, 30])
def test_an_inserted_row_with_the_rest_renumbered_and_sealed_anew_is_found(trail, tamperer, seq):
    tamperer.renumber(seq, +1)
    tamperer.insert({**tamperer.row(2 if seq > 2 else 4), "seq": seq, "hash": "f" * 64})
    tamperer.rewrite(seq)

    start = (seq - 1) // 10 * 10 + 1
    assert (start, "replaced") == short(trail.fault())


@pytest.mark.parametrize(("one", "other"), [(1, 2), (9, 11), (29, 30)])
def test_reordered_rows_sealed_anew_are_found(trail, tamperer, one, other):
    tamperer.set(one, seq=-1)
    tamperer.set(other, seq=one)
    tamperer.set(-1, seq=other)
    assert (one, "edited") == short(trail.fault())

    tamperer.rewrite(one)

    assert ((one - 1) // 10 * 10 + 1, "replaced") == short(trail.fault())


# --- checkpoints in the database


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_checkpoint_removed_from_the_database_is_found(trail, tamperer, number):
    tamperer.run("DELETE FROM audit_checkpoint WHERE number = :n", n=number)

    assert trail.fault() == (
        number * 10 - 9,
        f"checkpoint {number} is removed: the anchor file has it, the database lacks it",
    )


def test_all_checkpoints_removed_with_a_chain_sealed_anew_are_found(trail, tamperer):
    tamperer.run("DELETE FROM audit_checkpoint")
    tamperer.rewrite(4, actor="user:nobody")
    trail.grow(2)

    assert (1, "replaced") == short(trail.fault())


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("with_anchor", [True, False])
def test_a_forged_checkpoint_over_a_chain_sealed_anew_is_found(
    trail, tamperer, stranger, number, with_anchor
):
    tamperer.rewrite(number * 10 - 3, actor="user:nobody")
    previous = digest_of(trail.lines()[number - 2]) if number > 1 else "0" * 64
    for each in range(number, 4):
        values = {"hash": tamperer.row(each * 10)["hash"], "previous": previous}
        line = forged(trail.lines()[each - 1], stranger, **values)
        previous = digest_of(line)
        stored(tamperer, each, line)

    proof = trail.proof if with_anchor else Proof(trail.ring)
    with pytest.raises(AuditBroken) as broken:
        examine(trail.db, None, proof)

    assert broken.value.seq == number * 10 - 9
    word = "replaced" if with_anchor else f"checkpoint {number} is forged"
    assert broken.value.reason.startswith(f"{word}: ")


@pytest.mark.parametrize(
    "field",
    ["number", "at", "count", "hash", "cut_count", "cut_hash", "previous", "key", "signature"],
)
def test_an_edit_of_any_field_of_a_checkpoint_is_found(trail, tamperer, field):
    line = trail.lines()[1]
    value = getattr(parse(line), field)
    edited = line_of(replace(parse(line), **{field: altered(value)}))
    stored(tamperer, 2, edited)

    seq, reason = trail.fault()
    assert (11, True) == (seq, reason.startswith("checkpoint 2 is replaced: the database holds"))
    with pytest.raises(AuditBroken) as broken:
        examine(trail.db, None, Proof(trail.ring))
    assert broken.value.seq == 11
    assert " is forged: " in broken.value.reason


@pytest.mark.parametrize("line", ["", "{}", "null", "[1]", "no JSON", "x" * 10_000, "[" * 3000])
def test_what_is_no_checkpoint_is_found_and_no_crash(trail, tamperer, line):
    stored(tamperer, 2, line)

    assert trail.fault()[0] == 11
    with pytest.raises(AuditBroken, match="checkpoint 2 is forged: the database holds a line that"):
        examine(trail.db, None, Proof(trail.ring))


@pytest.mark.parametrize("db_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("value", ["CAST(x'ff' AS TEXT)", "x'00ff'", "7"])
def test_a_line_of_another_kind_is_found_and_no_crash(trail, tamperer, value):
    tamperer.run(f"UPDATE audit_checkpoint SET line = {value} WHERE number = 3")

    assert trail.fault()[0] == 21
    trail.grow(2)
    assert trail.fault()[0] == 21


def test_two_checkpoints_that_changed_places_are_found(trail, tamperer):
    lines = trail.lines()
    stored(tamperer, 1, lines[1])
    stored(tamperer, 2, lines[0])

    assert (1, "checkpoint 1 is replaced") == short(trail.fault())


def test_a_forged_checkpoint_at_the_end_stops_no_signing_and_is_found(trail, tamperer, stranger):
    last = trail.lines()[2]
    line = forged(last, stranger, number=4, previous=digest_of(last))
    tamperer.run("INSERT INTO audit_checkpoint (number, line) VALUES (4, :l)", l=line)

    assert trail.fault() == (31, f"checkpoint 4 is forged: its key {stranger.id} is not trusted")
    trail.grow(3)
    assert trail.fault()[0] == 31
    assert [1, 2, 3, 5] == [parse(line).number for line in trail.lines()]


def test_a_node_with_another_key_is_not_believed(trail, tamperer, tmp_path):
    (tmp_path / "other").mkdir()
    other = Notarised(trail.db, tmp_path / "other")
    other.anchor = trail.anchor
    add_events(trail.db, 1)
    other.notary.sign()

    assert "is not trusted" in trail.fault()[1]


# --- the anchor file


@pytest.mark.parametrize("number", [1, 2])
def test_a_line_removed_from_the_anchor_file_is_found(trail, number):
    lines = trail.lines()
    del lines[number - 1]
    trail.write_lines(lines)

    if number == 1:  # a file that begins later is an auditor's right; the database has the rest
        assert LAST_SIGNED == trail.examine().anchored
    else:
        assert (11, "checkpoint 2 is removed") == short(trail.fault())


def test_an_anchor_file_cut_off_at_its_end_proves_less_and_is_filled_up_again(trail):
    whole = trail.lines()
    trail.write_lines(whole[:1])
    assert (LAST_SIGNED, 10) == (trail.examine().signed, trail.examine().anchored)

    trail.grow(1)

    assert whole == trail.lines()[:3]
    assert ROWS + 1 == trail.examine().anchored


def test_a_missing_anchor_file_is_said_plainly(trail):
    trail.anchor.unlink()

    assert trail.fault() == (
        1,
        "the anchor file audit.anchor cannot be read (No such file or directory), "
        "so rows rewritten from this one on go unseen",
    )


def test_an_anchor_file_that_cannot_be_read_is_said_plainly(trail):
    trail.anchor.unlink()
    trail.anchor.mkdir()

    seq, reason = trail.fault()
    assert 1 == seq
    assert reason.startswith("the anchor file audit.anchor cannot be read (Is a directory)")


def test_a_forged_line_in_the_anchor_file_is_found(trail, stranger):
    lines = trail.lines()
    for number in (1, 2, 3):
        row = forged(lines[number - 1], stranger)
        trail.write_lines([*lines[: number - 1], row, *lines[number:]])
        seq, reason = trail.fault()
        assert seq == number * 10 - 9
        assert reason.startswith(f"checkpoint {number} is forged: its key")
        assert reason.endswith("in the anchor file")


@pytest.mark.parametrize("junk", ["", "x", "{}", "ä" * 3000])
def test_junk_in_the_anchor_file_is_found(trail, junk):
    lines = trail.lines()
    trail.write_lines([*lines[:2], junk, lines[2]])

    if junk:
        assert "the anchor file holds a line that is none" in trail.fault()[1]
    else:
        assert LAST_SIGNED == trail.examine().anchored  # an empty line says nothing


def test_the_lines_of_the_anchor_file_in_another_order_are_found(trail):
    first, second, third = trail.lines()
    trail.write_lines([first, third, second])

    assert (11, "checkpoint 2 is removed") == short(trail.fault())


# --- the whole database


def test_an_older_copy_of_the_whole_database_is_found_however_it_grows(trail, tmp_path, request):
    older_url = copy_of(trail.db, tmp_path, request)
    trail.grow(5, 10)  # checkpoints 4 and 5 over rows 40 and 50
    with opened(older_url) as older:
        assert (36, "missing") == short(trail.fault(older))

        add_events(older, 7)
        assert (31, "replaced") == short(trail.fault(older))

        restored = Notarised(older, tmp_path)  # the node goes on with it
        restored.grow(2, 20)
        assert (31, "replaced") == short(restored.fault())
    if not trail.db.is_sqlite:
        administer(request.getfixturevalue("postgres_url"), f"DROP DATABASE {name_of(older_url)}")


def test_an_older_copy_of_database_and_head_file_alone_is_found(trail, tmp_path, request):
    """The head file lies beside the database and may be copied with it; the anchor does not."""
    head = trail.db.head_file.read_bytes()
    older_url = copy_of(trail.db, tmp_path, request)
    trail.grow(5)
    trail.db.head_file.write_bytes(head)
    with opened(older_url) as older:
        assert ROWS == examine(older, trail.db.head_file).rows
        with pytest.raises(AuditBroken, match="audit row 36: missing: signed checkpoint 4 counts"):
            examine(older, trail.db.head_file, trail.proof)
    if not trail.db.is_sqlite:
        administer(request.getfixturevalue("postgres_url"), f"DROP DATABASE {name_of(older_url)}")


def test_after_a_restoration_on_purpose_the_trail_is_proven_again(trail, tmp_path, request):
    older_url = copy_of(trail.db, tmp_path, request)
    trail.grow(5, 10)
    with opened(older_url) as older:
        restored = Notarised(older, tmp_path)
        assert 36 == restored.fault()[0]

        trail.anchor.rename(tmp_path / "kept.anchor")
        restored.grow(2)

        assert ROWS + 2 == restored.examine().anchored
        assert trail.lines()[:3] == (tmp_path / "kept.anchor").read_text().splitlines()[:3]
    if not trail.db.is_sqlite:
        administer(request.getfixturevalue("postgres_url"), f"DROP DATABASE {name_of(older_url)}")


def copy_of(db: Database, tmp_path, request) -> str:
    if db.is_sqlite:
        return f"sqlite:///{backup(db, tmp_path / 'older.db')}"
    db.close()
    server = request.getfixturevalue("postgres_url")
    name = f"{name_of(db.url)}_older"
    administer(server, f"CREATE DATABASE {name} TEMPLATE {name_of(db.url)}")
    return database_url(server, name)


def name_of(url: str) -> str:
    return make_url(url).database


def test_a_whole_new_trail_is_found(trail, tamperer):
    tamperer.run("DELETE FROM audit")
    tamperer.run("DELETE FROM audit_checkpoint")
    trail.db.head_file.unlink()
    add_events(trail.db, 50)

    assert (1, "replaced") == short(trail.fault())
    trail.notary.sign()
    assert (1, "replaced") == short(trail.fault())


def test_the_first_of_several_faults_is_named(trail, tamperer):
    tamperer.run("DELETE FROM audit_checkpoint WHERE number = 3")
    assert (21, "checkpoint 3 is removed") == short(trail.fault())
    tamperer.set(24, text="x")
    assert (24, "edited") == short(trail.fault())
    tamperer.run("DELETE FROM audit_checkpoint WHERE number = 2")
    assert (11, "checkpoint 2 is removed") == short(trail.fault())
    tamperer.rewrite(5, text="x")
    assert (1, "replaced") == short(trail.fault())


# --- the clock


@pytest.mark.parametrize("step", [timedelta(days=-400), timedelta(days=+400)])
def test_a_clock_that_is_set_harms_nothing(trail, monkeypatch, step):
    """Neither seals nor checkpoints depend on the order of times."""

    class Set(datetime):
        @classmethod
        def now(cls, tz=None):
            return datetime.now(tz) + step

    monkeypatch.setattr("storage.audit.datetime", Set)
    monkeypatch.setattr("storage.checkpoint.datetime", Set)
    trail.grow(10)
    monkeypatch.undo()
    trail.grow(10)

    lines = [parse(line) for line in trail.lines()]
    assert abs(datetime.fromisoformat(lines[3].at) - datetime.now(UTC)) > timedelta(days=300)
    assert ROWS + 20 == trail.examine().anchored


def test_an_auditor_elsewhere_needs_copy_public_key_and_anchor_file_alone(trail, tmp_path):
    if not trail.db.is_sqlite:
        pytest.skip("one kind of copy is enough")
    copy = backup(trail.db, tmp_path / "copy.db")
    ring = KeyRing.of([trail.key.private.public_key()])
    with opened(f"sqlite:///{copy}") as there:
        assert ROWS == examine(there, None, Proof(ring, trail.anchor)).rows
        with there.begin() as session:
            record(session, an_event())
        os.truncate(trail.anchor, 0)
        assert 0 == examine(there, None, Proof(ring, trail.anchor)).anchored
