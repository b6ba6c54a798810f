"""C-ECHO from bytes made beforehand: the client costs some ten microseconds, the rest is the node.

dcmtk's echoscu would start a process for each echo and pynetdicom would sleep between its polls.
"""

from __future__ import annotations

import gc
import math
import time
from collections.abc import Sequence

from benchmarks.wire import (
    ASSOCIATE_AC,
    C_ECHO_RQ,
    DATA,
    NO_DATA_SET,
    RELEASE_RP,
    RELEASE_RQ,
    SUCCESS,
    VERIFICATION,
    associate_rq,
    command,
    connect,
    read_pdu,
)

SOURCE = "127.0.0.2"  # another peer than those that attack
TIMEOUT_S = 10.0
ASSOCIATE = associate_rq("ECHO", VERIFICATION)
ECHO = command(C_ECHO_RQ, VERIFICATION, NO_DATA_SET)


def echo_s(port: int) -> float:
    """Seconds from the connection to the answered release; infinite where the node declined."""
    begun = time.perf_counter()
    try:
        with connect(port, SOURCE, TIMEOUT_S) as connection:
            for sent, wanted in (
                (ASSOCIATE, ASSOCIATE_AC),
                (ECHO, DATA),
                (RELEASE_RQ, RELEASE_RP),
            ):
                connection.sendall(sent)
                kind, body = read_pdu(connection)
                if kind != wanted or (kind == DATA and SUCCESS not in body):
                    return math.inf
            return time.perf_counter() - begun
    except OSError:
        return math.inf


def echoes(port: int, number: int) -> list[float]:
    """So many echoes in turn, an association each; ended early when p99 is infinite anyway."""
    times: list[float] = []
    gc.disable()
    try:
        while len(times) < number and times.count(math.inf) <= number // 100:
            times.append(echo_s(port))
    finally:
        gc.enable()
    return times


def p99(times: Sequence[float]) -> float:
    """The smallest time that 99 of 100 do not exceed (nearest rank)."""
    return sorted(times)[math.ceil(len(times) * 0.99) - 1]
