"""What bad clients do to a node, in a process of their own; it ends with its standard input.

    python -m benchmarks.attacks --port P --tls-port T idle slow crowd garbage

The first line of output says that the attack is on, the last one is a JSON object of how often
each connected. What the node closes is opened again.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import select
import socket
import struct
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

from benchmarks.wire import (
    ASSOCIATE_AC,
    C_STORE_RQ,
    CT_STORAGE,
    PART_OF_DATA_SET,
    WITH_DATA_SET,
    associate_rq,
    command,
    connect,
    p_data,
    read_pdu,
)

SOURCE = "127.0.0.1"
CROWD = 1000
TIMEOUT_S = 5.0
PAUSE_S = 0.1
REOPENED = 10  # at most, of a crowd in each pause: it is to be idle, not a flood
LISTEN_S = 0.02  # a sender of garbage hardly waits for what the node says to it
CLAIMED = 60_000  # of a slow sender's data set; it never gets so far
GARBAGE = 8192
SENT_NOW = struct.pack("ii", 1, 0)  # SO_LINGER: a reset instead of a socket that waits for minutes


class Attack:
    """One bad client for each name, each in a thread; `opened` counts their connections."""

    def __init__(self, port: int, tls_port: int) -> None:
        self._port = port
        self._tls_port = tls_port
        self.opened: Counter[str] = Counter()

    def idle(self) -> None:
        """One connection to the TLS port that never says a word."""
        self._hold("idle", self._tls_port, 1)

    def crowd(self) -> None:
        """A thousand connections that never say a word."""
        self._hold("crowd", self._port, CROWD)

    def slow(self) -> None:
        """A sender that trickles its data set, ten bytes a second."""
        while True:
            with suppress(OSError), connect(self._port, SOURCE, TIMEOUT_S) as connection:
                connection.sendall(associate_rq("SLOW", CT_STORAGE))
                if read_pdu(connection)[0] == ASSOCIATE_AC:
                    self.opened["slow"] += 1
                    self._trickle(connection)
            time.sleep(PAUSE_S)

    def garbage(self) -> None:
        """Noise, every other time behind the head of a PDU that claims four gigabytes."""
        while True:
            with suppress(OSError), connect(self._port, SOURCE, TIMEOUT_S) as connection:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, SENT_NOW)
                self.opened["garbage"] += 1
                head = b"\x01\0\xff\xff\xff\xff" if self.opened["garbage"] % 2 else b""
                connection.sendall(head + os.urandom(GARBAGE))
                connection.settimeout(LISTEN_S)
                while connection.recv(GARBAGE):
                    pass

    def _trickle(self, connection: socket.socket) -> None:
        connection.sendall(command(C_STORE_RQ, CT_STORAGE, WITH_DATA_SET, "2.25.1"))
        connection.sendall(p_data(PART_OF_DATA_SET, b"", CLAIMED))
        for _ in range(CLAIMED):
            connection.sendall(b"\0")
            time.sleep(PAUSE_S)

    def _hold(self, name: str, port: int, number: int) -> None:
        held: dict[int, socket.socket] = {}
        closed = select.poll()
        most = number
        while True:
            for descriptor, _events in closed.poll(0):
                closed.unregister(descriptor)
                held.pop(descriptor).close()
            for _ in range(min(number - len(held), most)):
                try:
                    connection = connect(port, SOURCE, TIMEOUT_S)
                except OSError:
                    break
                self.opened[name] += 1
                held[connection.fileno()] = connection
                closed.register(connection, select.POLLIN | select.POLLHUP)
            most = most if self.opened[name] < number else REOPENED
            time.sleep(PAUSE_S)


def main() -> None:
    """Attack until standard input closes."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--tls-port", type=int, required=True)
    parser.add_argument("names", nargs="+", choices=("idle", "slow", "crowd", "garbage"))
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 2 * CROWD), most))
    attack = Attack(options.port, options.tls_port)
    for name in options.names:
        threading.Thread(target=getattr(attack, name), name=name, daemon=True).start()
    wanted = {name: CROWD if name == "crowd" else 1 for name in options.names}
    until = time.monotonic() + 2 * TIMEOUT_S
    while any(attack.opened[name] < wanted[name] for name in wanted):
        if time.monotonic() > until:
            break  # the node keeps them out: it is attacked all the same
        time.sleep(PAUSE_S)
    print("attacking", flush=True)
    sys.stdin.read()
    print(json.dumps(attack.opened), flush=True)


if __name__ == "__main__":
    main()
