"""The anchor file is only appended to, and what a crash left in it harms nothing."""

from __future__ import annotations

import os
import stat

import pytest

from storage.anchor import AnchorFile
from storage.checkpoint import digest_of, line_of, parse, signed
from storage.head import GENESIS, Head
from storage.signing import KeyRing, read_or_make_key


@pytest.fixture
def key(tmp_path):
    return read_or_make_key(tmp_path / "audit.key")


@pytest.fixture
def file(tmp_path) -> AnchorFile:
    return AnchorFile(tmp_path / "audit.anchor")


def lines_of(key, count: int) -> list[str]:
    made, previous = [], GENESIS
    for number in range(1, count + 1):
        head = Head(number * 10, f"{number:064x}")
        made.append(line_of(signed(key, number=number, head=head, previous=previous)))
        previous = digest_of(made[-1])
    return made


def read(file: AnchorFile) -> list[str]:
    with file.lines() as lines:
        return list(lines)


def test_it_gives_back_what_it_took_and_is_the_owners_alone(file, key):
    lines = lines_of(key, 5)
    for line in lines:
        file.add(line)

    assert lines == read(file)
    assert 0o600 == stat.S_IMODE(file.path.stat().st_mode)
    last, line = file.last(KeyRing.of([key.private.public_key()]))
    assert (5, lines[4]) == (last.number, line)


def test_a_line_cut_off_at_any_place_is_written_again_and_read_once(file, key):
    lines = lines_of(key, 3)
    ring = KeyRing.of([key.private.public_key()])
    for cut in range(1, len(lines[1]), 37):
        file.path.unlink(missing_ok=True)
        file.add(lines[0])
        with file.path.open("a") as torn:
            torn.write(lines[1][:cut])
        assert lines[:1] == read(file)
        assert 1 == file.last(ring)[0].number

        file.add(lines[1])
        file.add(lines[2])
        assert lines == read(file)


def test_a_line_that_lacks_its_end_alone_is_not_written_again(file, key):
    lines = lines_of(key, 2)
    file.add(lines[0])
    os.truncate(file.path, file.path.stat().st_size - 1)

    assert 1 == file.last(KeyRing.of([key.private.public_key()]))[0].number
    file.add(lines[1])
    assert lines == read(file)


def test_the_last_one_that_is_signed_is_found_behind_junk(file, key, tmp_path):
    other = read_or_make_key(tmp_path / "other.key")
    ring = KeyRing.of([key.private.public_key()])
    assert file.last(ring) is None
    file.add(lines_of(key, 1)[0])
    for junk in (lines_of(other, 2)[1], "x", "{}"):
        file.add(junk)

    assert 1 == file.last(ring)[0].number


def test_what_is_added_while_it_is_read_is_not_read(file, key):
    lines = lines_of(key, 3)
    for line in lines[:2]:
        file.add(line)

    with file.lines() as reading:
        file.add(lines[2])
        assert lines[:2] == list(reading)


def test_a_line_fits_into_one_syslog_datagram_and_says_the_same_when_read(key):
    head = Head(2**63 - 1, "f" * 64)
    made = signed(key, number=2**63 - 1, head=head, cut=head, previous="f" * 64)

    assert made == parse(line_of(made))
    assert len(line_of(made)) < 1024
    assert line_of(made).isascii()
    assert "\n" not in line_of(made)
