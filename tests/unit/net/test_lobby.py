"""Connections that say nothing wait, and make room when too many do."""

import socket
from threading import Thread

from dicom_node.net.lobby import Lobby
from tests.receiving import wait_until


def test_whoever_speaks_goes_on_and_whoever_is_silent_does_not():
    lobby = Lobby(most=2)
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert lobby.wait_for_first_bytes(ours, 0.05) == "it said nothing"
        theirs.send(b"x")
        assert lobby.wait_for_first_bytes(ours, 5) == ""
        assert ours.recv(9) == b"x"
        theirs.shutdown(socket.SHUT_WR)
        assert lobby.wait_for_first_bytes(ours, 5) == "it ended before it said anything"


def test_the_one_that_waited_longest_makes_room():
    lobby = Lobby(most=1)
    first, first_peer = socket.socketpair()
    second, second_peer = socket.socketpair()
    with first, first_peer, second, second_peer:
        went = []
        waiting = Thread(target=lambda: went.append(lobby.wait_for_first_bytes(first, 30)))
        waiting.start()
        wait_until(lambda: lobby._waiting)
        second_peer.send(b"x")

        assert lobby.wait_for_first_bytes(second, 5) == ""
        waiting.join(5)

    assert ["it said nothing, and too many others waited as well"] == went
