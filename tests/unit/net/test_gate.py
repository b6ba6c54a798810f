"""The gate closes only round a reactor that stands at it, so no answer is taken by it."""

from __future__ import annotations

import inspect
import threading

import pytest
from pynetdicom import AE
from pynetdicom.association import Association

from dicom_node.net.entity import Entity
from dicom_node.net.gate import Gate
from tests.receiving import wait_until


class Reactor(threading.Thread):
    """Goes round as pynetdicom's does: past the gate, then at the queue."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.gate = Gate(self)
        self.at_the_queue = threading.Event()
        self.go_on = threading.Event()
        self.rounds = 0
        self.ends = False

    def run(self) -> None:
        while not self.ends:
            self.gate.wait()
            self.at_the_queue.set()
            self.go_on.wait()
            self.rounds += 1


@pytest.fixture
def reactor():
    made = Reactor()
    made.start()
    yield made
    made.ends = True
    made.go_on.set()
    made.gate.set()
    made.join(10)


def test_it_does_not_close_while_the_reactor_is_past_it(reactor):
    assert reactor.at_the_queue.wait(10)
    closing = threading.Thread(target=reactor.gate.clear, daemon=True)
    closing.start()
    closing.join(0.2)
    assert closing.is_alive(), "the reactor could still take an answer"

    reactor.go_on.set()

    closing.join(10)
    assert not closing.is_alive()


def test_while_it_is_closed_the_reactor_stands_still(reactor):
    reactor.go_on.set()
    reactor.gate.clear()
    before = reactor.rounds
    assert not reactor.gate.wait(0.1)
    assert before == reactor.rounds

    reactor.gate.set()

    wait_until(lambda: reactor.rounds > before)


def test_it_closes_behind_a_reactor_that_has_ended():
    reactor = Reactor()

    reactor.gate.clear()

    assert not reactor.gate.is_set()


def test_opening_it_ends_a_wait_for_the_reactor(reactor):
    assert reactor.at_the_queue.wait(10)
    closing = threading.Thread(target=reactor.gate.clear, daemon=True)
    closing.start()

    wait_until(lambda: not reactor.gate.is_set())
    reactor.gate.set()

    closing.join(10)
    assert not closing.is_alive()


def test_pynetdicom_still_pauses_its_reactor_there():
    body = inspect.getsource(Association._run_reactor)
    assert "self._reactor_checkpoint.wait()" in body
    for method in (Association.send_c_store, Association.send_c_echo, Association.release):
        assert "self._reactor_checkpoint.clear()" in inspect.getsource(method)
    made = inspect.getsource(AE.associate)
    assert made.index("self._create_socket(") < made.index("assoc.start()")
    assert Entity._create_socket is not AE._create_socket
