"""An object in the local store is whole, durable and private, or not there at all."""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.files import durable
from storage.files.local import PARTS, LocalStore
from storage.files.part import open_nameless
from tests.tools import program

KEY = "received/1.2/1.2.3/1.2.3.4.dcm"


@pytest.fixture(autouse=True, params=["nameless", "named"])
def parts(request, monkeypatch, tmp_path) -> str:
    """Every test runs with files without a name, and as where the system has none."""
    if request.param == "named":
        monkeypatch.setattr("storage.files.local.open_nameless", lambda _folder: None)
    elif open_nameless(str(tmp_path)) is None:
        pytest.skip("this system has no files without a name")
    return request.param


def leftovers(store: LocalStore) -> list[Path]:
    return list((store.root / PARTS).iterdir())


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_put_joins_the_parts_under_the_key(store):
    path = store.put(KEY, [b"abc", memoryview(b"defg")[1:], b"", memoryview(bytearray(b"h"))])

    assert b"abcefgh" == path.read_bytes()
    assert store.root / KEY == path == store.path(KEY)
    assert store.exists(KEY)
    assert [] == leftovers(store)


def test_an_object_is_not_there_before_it_is_put(store):
    assert not store.exists(KEY)
    assert [] == list(store.keys())


def test_put_refuses_a_taken_key_and_leaves_what_it_holds(store):
    store.put(KEY, [b"first"])

    with pytest.raises(FileExistsError):
        store.put(KEY, [b"second"])

    assert b"first" == store.path(KEY).read_bytes()
    assert [] == leftovers(store)


def test_of_many_writers_of_one_key_exactly_one_wins(store):
    start = threading.Barrier(8)

    def put(number: int) -> bool:
        start.wait()
        try:
            store.put(KEY, [b"%d" % number])
        except FileExistsError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        won = list(pool.map(put, range(8)))

    assert 1 == sum(won)
    assert b"%d" % won.index(True) == store.path(KEY).read_bytes()


def test_files_and_folders_are_the_owners_alone(store, tmp_path):
    before = os.umask(0)
    try:
        store.put(KEY, [b"x"])
        produced = tmp_path / "made.dcm"
        produced.write_bytes(b"y")
        produced.chmod(0o644)
        store.adopt(produced, "results/1.2/1.2.3/1.2.3.5.dcm")
    finally:
        os.umask(before)

    paths = [store.root, *store.root.rglob("*")]
    assert {0o700} == {mode(path) for path in paths if path.is_dir()}
    assert {0o600} == {mode(path) for path in paths if path.is_file()}


def test_adopt_moves_the_file_and_replaces_what_the_key_held(store, tmp_path):
    store.put(KEY, [b"of a stale attempt"])
    produced = tmp_path / "made.dcm"
    produced.write_bytes(b"of this attempt")

    path = store.adopt(produced, KEY)

    assert b"of this attempt" == path.read_bytes()
    assert not produced.exists()


def test_adopt_does_not_follow_a_link(store, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"of somebody else")
    link = tmp_path / "made.dcm"
    link.symlink_to(secret)

    with pytest.raises(OSError, match="symbolic links"):
        store.adopt(link, KEY)

    assert not store.exists(KEY)


def test_keys_gives_every_object_under_the_prefix_in_order(store, tmp_path):
    keys = ["a/1/x.dcm", "a/1/y.dcm", "a/10/x.dcm", "b/1/x.dcm"]
    for key in reversed(keys):
        store.put(key, [b""])
    (store.root / PARTS / "leftover").write_bytes(b"")
    (store.root / "a" / ".hidden").write_bytes(b"")
    (store.root / "b" / "link").symlink_to(tmp_path)

    assert keys == list(store.keys())
    assert keys[:3] == list(store.keys("a"))
    assert keys[:3] == list(store.keys("a/1"))
    assert keys[:2] == list(store.keys("a/1/"))
    assert keys[1:2] == list(store.keys("a/1/y"))
    assert [] == list(store.keys("c/1"))
    assert [] == list(store.keys("a/1/x.dcm/"))


def test_a_folder_that_somebody_deleted_is_made_again(store):
    store.put(KEY, [b"x"])
    shutil.rmtree(store.root / "received")

    store.put(KEY, [b"y"])

    assert b"y" == store.path(KEY).read_bytes()


def test_a_large_object_is_written_in_pieces_and_seen_only_when_named(store):
    part = store.open_part()
    part.write([b"ab", memoryview(b"cd")])
    part.start_writing()
    part.write([b"ef"])
    with part.open() as content:
        assert b"abcdef" == content.read()
    assert [] == list(store.keys())
    part.name(KEY)
    part.close()
    part.close()

    assert b"abcdef" == store.path(KEY).read_bytes()
    assert [] == leftovers(store)


def test_a_name_whose_folder_cannot_be_synced_is_taken_back(store, monkeypatch):
    """It might be gone after a power cut: nobody may find it and believe in it."""
    store.put("received/1.2/1.2.3/first.dcm", [b"its folders are there"])

    def fail(_folder):
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(OSError, match="Input/output error"):
            store.put("received/1.2/1.2.3/second.dcm", [b"x"])

    assert not store.exists("received/1.2/1.2.3/second.dcm")
    assert [] == leftovers(store)


def test_a_part_that_finds_its_key_taken_takes_another(store):
    store.put(KEY, [b"first"])
    part = store.open_part()
    part.write([b"second"])
    with pytest.raises(FileExistsError):
        part.name(KEY)
    part.name(f"{KEY}.v2")
    part.close()

    assert b"first" == store.path(KEY).read_bytes()
    assert b"second" == store.path(f"{KEY}.v2").read_bytes()


def test_delete_empties_the_key(store):
    store.put(KEY, [b"x"])

    store.delete(KEY)

    assert not store.exists(KEY)
    with pytest.raises(FileNotFoundError):
        store.delete(KEY)


@pytest.mark.parametrize(
    "key",
    ["", "/", "/etc/passwd", "a//b", "a/", "../a", "a/../b", "a/./b", ".parts/x", "a/.x", "a b",
     "a\\b", "a\0b", "ä", "-a", "a" * 256],
)  # fmt: skip
def test_what_is_no_key_is_refused_without_being_quoted(store, key):
    for use in (store.path, store.exists, store.delete, lambda key: store.put(key, [b""])):
        with pytest.raises(ValueError, match=r"^not a key of the file store$"):
            use(key)


@given(key=st.text(alphabet="ab./-\\\0", max_size=12))
def test_a_key_that_is_taken_stays_inside_the_root(tmp_path_factory, key):
    store = LocalStore(tmp_path_factory.getbasetemp() / "fuzzed")
    try:
        path = store.path(key)
    except ValueError:
        return

    assert path == Path(os.path.normpath(path))
    assert path.is_relative_to(store.root)
    assert path.name != PARTS


def test_prv_01_an_error_names_no_key(store):
    store.put(KEY, [b"x"])
    (store.root / "received" / "9.9").write_bytes(b"a file where a folder should be")

    for use in (
        lambda: store.put(KEY, [b""]),
        lambda: store.put("received/9.9/1/2.dcm", [b""]),
        lambda: store.delete("received/8.8/1/2.dcm"),
        lambda: store.adopt(store.root / "none.7.7", KEY),
    ):
        with pytest.raises(OSError) as caught:
            use()
        assert not re.search(r"\d\.\d", str(caught.value))
        assert caught.value.filename is None
    assert [] == leftovers(store)


def test_sweep_removes_leftovers_and_counts_them(store):
    for name in ("one", "two"):
        (store.root / PARTS / name).write_bytes(b"half")

    assert 2 == store.sweep_parts()
    assert 0 == store.sweep_parts()
    assert [] == leftovers(store)


def test_sweep_leaves_what_is_being_written(store, monkeypatch):
    swept = []
    write_all = "storage.files.part.write_all"
    monkeypatch.setattr(write_all, lambda *_: swept.append(LocalStore(store.root).sweep_parts()))

    store.put(KEY, [b"x"])

    assert [0] == swept
    assert store.exists(KEY)


@pytest.mark.parametrize("number", [errno.EOPNOTSUPP, errno.EISDIR, errno.ENOENT])
def test_a_file_system_without_nameless_files_says_so_and_others_fail(
    number, tmp_path, monkeypatch
):
    def refuse(*_: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    assert open_nameless(str(tmp_path)) is None
    with pytest.raises(OSError, match=re.escape(os.strerror(number))):
        open_nameless(str(tmp_path / "gone"))


def test_a_full_disk_is_not_taken_for_a_file_system_without_nameless_files(tmp_path, monkeypatch):
    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(OSError, match="No space left"):
        open_nameless(str(tmp_path))


@pytest.mark.parametrize("parts", ["named"], indirect=True)  # no sweep sees a nameless one
def test_a_part_that_a_sweep_took_before_it_was_locked_is_made_again(store, monkeypatch):
    import fcntl

    lock, taken = fcntl.flock, []

    def sweep_first(descriptor: int, how: int) -> None:
        if how == fcntl.LOCK_EX and not taken:
            taken.extend(leftovers(store))
            taken[0].unlink()
        lock(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", sweep_first)

    assert b"x" == store.put(KEY, [b"x"]).read_bytes()
    assert 1 == len(taken)


def test_a_killed_writer_leaves_no_torn_object(store, parts):
    left = int(parts == "named")
    script = (
        "import os, sys; from pathlib import Path; from storage.files import local, part;"
        f"{'local.open_nameless = lambda _: None;' if left else ''}"
        "part.sync_file = lambda _: os.kill(os.getpid(), 9);"
        f"local.LocalStore(Path(sys.argv[1])).put('{KEY}', [b'x' * 100_000])"
    )

    died = subprocess.run([sys.executable, "-c", script, store.root], check=False)

    assert -9 == died.returncode
    assert left == len(leftovers(store))
    assert [] == list(store.keys())
    assert left == store.sweep_parts()
    assert b"again" == store.put(KEY, [b"again"]).read_bytes()


def test_a_large_object_is_written_where_nothing_can_begin_early(store, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr("storage.files.part.start_writing", durable._find_start_writing())
    part = store.open_part()
    part.write([b"x"])
    part.start_writing()
    part.name(KEY)
    part.close()

    assert b"x" == store.path(KEY).read_bytes()


def test_put_works_where_fdatasync_is_absent(store, monkeypatch):
    synced = []
    monkeypatch.delattr(os, "fdatasync", raising=False)
    monkeypatch.setattr(os, "fsync", synced.append)

    store.put(KEY, [b"x"])

    assert 5 == len(synced), "the file, three folders above the new ones, and the file's own"


def test_file_is_synced_before_it_has_its_name_and_folder_after(store, parts, tmp_path):
    trace = tmp_path / "trace"
    script = (
        "import sys; from pathlib import Path; from storage.files import local;"
        f"{'local.open_nameless = lambda _: None;' if parts == 'named' else ''}"
        "store = local.LocalStore(Path(sys.argv[1]));"
        f"store.put('{KEY}', [b'x' * 100_000]);"
        "store.adopt(Path(sys.argv[2]), 'results/1.2/1.2.3/1.2.3.5.dcm')"
    )
    produced = tmp_path / "made.dcm"
    produced.write_bytes(b"y")
    calls = "trace=writev,fsync,fdatasync,link,linkat,rename,renameat,renameat2,mkdir,mkdirat"
    strace = program("strace", package="strace")
    subprocess.run(
        [strace, "-f", "-y", "-e", calls, "-o", trace,
         sys.executable, "-B", "-c", script, store.root, produced],
        check=True,
    )  # fmt: skip

    assert [
        "writev .parts/*", "fdatasync .parts/*",
        "mkdir received", "fsync .", "mkdir received/1.2", "fsync received",
        "mkdir received/1.2/1.2.3", "fsync received/1.2",
        f"link {KEY}", "fsync received/1.2/1.2.3",
        "fsync made.dcm",
        "mkdir results", "fsync .", "mkdir results/1.2", "fsync results",
        "mkdir results/1.2/1.2.3", "fsync results/1.2",
        "rename results/1.2/1.2.3/1.2.3.5.dcm", "fsync results/1.2/1.2.3",
    ] == steps(trace.read_text(), store.root)  # fmt: skip


def steps(trace: str, root: Path) -> list[str]:
    """Calls that touch the store or the produced file, shortened; the last path is what counts."""
    found = []
    for line in trace.splitlines():
        call = re.search(r"(\w+)\((.*)\)\s+= ", line)
        paths = re.findall(r'[<"]([^<>"]*/[^<>"]*)[>"]', call[2]) if call else []
        if not paths or not paths[-1].startswith(str(root.parent)) or " = -1 " in line:
            continue
        name = call[1].removesuffix("at2").removesuffix("at")
        target = paths[-1]
        if call[1] == "linkat":  # the last two arguments before the flags: the folder, the name
            target += "/" + re.findall(r'"([^"]*)"', call[2])[-1]
        path = os.path.relpath(target, root).removeprefix("../")
        found.append(f"{name} {re.sub('^.parts/.*', '.parts/*', path)}")
    return found[found.index("writev .parts/*") :]
