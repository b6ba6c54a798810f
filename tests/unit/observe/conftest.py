from __future__ import annotations

import logging
import sys
import threading
import warnings

import pytest

from dicom_node.observe import foreign
from dicom_node.observe import logging as ours


@pytest.fixture
def configured(capsys):
    """Sets the process's log up in either format, gives its lines, and undoes it afterwards."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, logging.raiseExceptions, warnings.showwarning)
    hooks = (sys.excepthook, threading.excepthook, sys.unraisablehook)
    foreign._warned.clear()

    def set_up(level="info", form="text"):
        ours.configure(level, form)

        def lines():
            return capsys.readouterr().err.splitlines()

        return lines

    yield set_up
    root.handlers, level, logging.raiseExceptions, warnings.showwarning = before
    root.setLevel(level)
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    ours._set_structlog("info", "text")
