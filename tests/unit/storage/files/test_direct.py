"""Direct writes: which bytes they take, and that what they leave is still written by the store."""

from __future__ import annotations

import errno
import fcntl
import mmap
import os
from pathlib import Path

import pytest

from storage.files.direct import SMALLEST, write_directly
from storage.files.local import LocalStore

PAGE = mmap.PAGESIZE
KEY = "received/1.2/1.2.3/1.2.3.4.dcm"
pytestmark = pytest.mark.skipif(not hasattr(os, "O_DIRECT"), reason="this system has no O_DIRECT")


@pytest.fixture
def memory() -> memoryview:
    """Bytes that begin a page of memory."""
    room = mmap.mmap(-1, 1 << 20)
    room[:] = os.urandom(1 << 20)
    return memoryview(room)


@pytest.fixture
def file(tmp_path):
    descriptor = os.open(tmp_path / "file", os.O_RDWR | os.O_CREAT)
    yield descriptor
    os.close(descriptor)


def takes_direct_writes(folder: Path) -> bool:
    try:
        os.close(os.open(folder / "probe", os.O_RDWR | os.O_CREAT | os.O_DIRECT))
    except OSError:
        return False
    return True


def test_whole_pages_are_written_and_the_rest_is_left(memory, file, tmp_path):
    if not takes_direct_writes(tmp_path):
        pytest.skip("the file system of the tests takes no direct writes")

    assert SMALLEST + PAGE == write_directly(file, memory[: SMALLEST + PAGE + 17])
    assert memory[: SMALLEST + PAGE] == (tmp_path / "file").read_bytes()


def test_the_file_takes_ordinary_writes_afterwards(memory, file, tmp_path):
    written = write_directly(file, memory[: SMALLEST + 3])
    os.write(file, memory[written : SMALLEST + 3])

    assert 0 == fcntl.fcntl(file, fcntl.F_GETFL) & os.O_DIRECT
    assert memory[: SMALLEST + 3] == (tmp_path / "file").read_bytes()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(lambda memory: memory[1 : 1 + 2 * SMALLEST], id="within a page"),
        pytest.param(lambda memory: memory[: SMALLEST - 1], id="small"),
        pytest.param(bytes, id="bytes"),
        pytest.param(lambda memory: memory.toreadonly(), id="read-only"),
        pytest.param(lambda memory: memory[:0], id="empty"),
    ],
)
def test_what_cannot_go_directly_is_left_whole(memory, file, tmp_path, content):
    assert 0 == write_directly(file, content(memory))
    assert 0 == (tmp_path / "file").stat().st_size


@pytest.mark.parametrize("call", ["fcntl", "write"])
def test_a_file_system_without_direct_writes_gets_ordinary_ones(
    memory, tmp_path, monkeypatch, call
):
    """Some refuse the mode (fcntl), some the write; the object is the same."""
    ask, ordinary, refused = fcntl.fcntl, getattr(fcntl if call == "fcntl" else os, call), []

    def refuse(descriptor: int, *how: object) -> int:
        is_direct = how[1] & os.O_DIRECT if how[0] == fcntl.F_SETFL else False
        if call == "write":
            is_direct = ask(descriptor, fcntl.F_GETFL) & os.O_DIRECT
        if is_direct:
            refused.append(how)
            raise OSError(errno.EINVAL, "Invalid argument")
        return ordinary(descriptor, *how)

    monkeypatch.setattr(fcntl if call == "fcntl" else os, call, refuse)
    path = LocalStore(tmp_path).put(KEY, [memory[: 3 * SMALLEST + 5]])

    assert 1 == len(refused)
    assert memory[: 3 * SMALLEST + 5] == path.read_bytes()


@pytest.mark.parametrize("extra", [-1, 0, 1, PAGE - 1, PAGE, PAGE + 1])
def test_an_object_is_whole_wherever_its_last_page_ends(memory, tmp_path, extra):
    content = memory[: 4 * SMALLEST + extra]

    assert content == LocalStore(tmp_path).put(KEY, [content]).read_bytes()


def test_a_piece_behind_another_is_written_behind_it(memory, tmp_path):
    part = LocalStore(tmp_path).open_part()
    part.write([b"meta"])
    part.write([memory])
    part.name(KEY)
    part.close()

    assert b"meta" + memory == (tmp_path / KEY).read_bytes()
