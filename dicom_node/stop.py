"""How a child process of the node learns that it is to stop."""

from __future__ import annotations

import os
import signal
import sys
import threading


def stop_event() -> threading.Event:
    """An event that SIGTERM, SIGINT and the end of standard input set.

    Standard input is a pipe that the parent holds open; its end is the parent's, however it came.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # the parent sees to Ctrl-C
        signal.signal(signal.SIGINT, lambda _signal, _frame: stop.set())

    def wait_for_parent() -> None:
        while os.read(sys.stdin.fileno(), 4096):
            pass
        stop.set()

    threading.Thread(target=wait_for_parent, name="parent", daemon=True).start()
    return stop
