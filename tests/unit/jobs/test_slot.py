"""A slot's child is a real process: it answers, crashes, hangs, and is ended."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from dicom_node.errors import SlotLost, SlotTimedOut
from dicom_node.jobs.slot import Slot
from pipelines.request import RunRequest
from tests.builders import CANARY, a_series, write_series
from tests.jobs import stub_environment
from tests.receiving import wait_until


@pytest.fixture(scope="module")
def slot():
    """A warm slot with the stub pipelines, for every test here."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in stub_environment().items():
            patch.setenv(name, value)
        one = Slot("cpu-0", "cpu")
        yield one
        one.close()


@pytest.fixture
def ask(slot, tmp_path):
    inputs = [str(path) for path in write_series(tmp_path / "in", a_series(slices=3))]

    def run(pipeline="stub-enhance", timeout_s=60, label=(1, 1), on_progress=None, **parameters):
        folder = tmp_path / f"out{len(list(tmp_path.iterdir()))}"
        folder.mkdir()
        request = RunRequest(pipeline, inputs, str(folder), "2026-01-02T03:04:05+00:00", parameters)
        told = on_progress or (lambda _part: None)
        return slot.run(request.to_json(), timeout_s, told, label)

    return run


def test_a_success_brings_the_manifest(ask):
    reply = ask()

    assert "succeeded" == reply["status"]
    assert 3 == len(reply["manifest"]["outputs"])


def test_the_child_stays_warm_between_requests(ask, slot):
    ask()
    before = slot.pid
    ask("stub-segment")

    assert before is not None
    assert before == slot.pid


def test_a_refusal_brings_its_code_and_reason(ask):
    assert {
        "status": "refused",
        "code": "wrong-part",
        "reason": "The stub refuses everything.",
    } == ask(act="refuse")


def test_prv_a_broken_pipeline_tells_its_kind_and_no_value(ask, capfd):
    reply = ask(act="break")

    assert {"status": "failed", "code": "RuntimeError", "reason": "RuntimeError"} == reply
    assert CANARY not in capfd.readouterr().err


def test_a_crash_is_known_at_once_and_the_next_request_gets_a_new_child(ask, slot):
    ask()
    before = slot.pid

    with pytest.raises(SlotLost, match="SIGKILL"):
        ask(act="crash")

    assert "succeeded" == ask()["status"]
    assert before != slot.pid


def test_a_request_over_its_time_is_killed(ask, slot):
    ask()
    child = slot.pid

    with pytest.raises(SlotTimedOut, match=r"killed after 0\.3 s"):
        ask(act="sleep", timeout_s=0.3)

    assert child is not None
    assert slot.pid is None


def test_killing_needs_the_right_label(ask, slot):
    begun = threading.Event()
    lost = []

    def run():
        try:
            ask(act="sleep", label=(7, 2), on_progress=lambda _part: begun.set())
        except SlotLost as error:
            lost.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert begun.wait(30)
    assert (7, 2) == slot.label
    slot.kill((7, 1))
    slot.kill((8, 2))
    assert slot.pid is not None
    slot.kill((7, 2))
    thread.join(10)

    assert 1 == len(lost)
    assert slot.label is None


def test_a_child_whose_parent_is_gone_ends_though_it_computes(tmp_path):
    """EOF on its standard input is all that a child learns of its parent's end."""
    read, write = os.pipe()
    parent = os.fork()
    if parent == 0:  # stands for a node that is killed: it holds the only end of the child's pipe
        os.close(read)
        os.environ.update(stub_environment())
        child = Slot("cpu-0", "cpu").start()
        os.write(write, str(child.pid).encode())
        os.close(write)
        signal.pause()
    os.close(write)
    child = int(os.read(read, 20))
    os.close(read)
    os.kill(parent, signal.SIGKILL)
    os.waitpid(parent, 0)

    wait_until(lambda: not _lives(child))


def test_a_closed_slot_starts_nothing_any_more(tmp_path):
    slot = Slot("cpu-0", "cpu")
    slot.close()

    with pytest.raises(SlotLost):
        slot.run("{}", 1, lambda _part: None)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/status")
    return "State:\tZ" not in status.read_text() if status.exists() else True
