"""Only the child's own log lines reach the node's log."""

from __future__ import annotations

import io
import json

from dicom_node.jobs.child_log import pass_on
from tests.builders import CANARY


def test_own_lines_are_told_again(capsys):
    line = {"time": "t", "event": "slot ready", "level": "info", "module": "m", "seconds": 2}
    pass_on(io.StringIO(json.dumps(line) + "\n"))

    assert "m: slot ready  seconds=2" in capsys.readouterr().err


def test_prv_what_libraries_print_is_dropped(capsys):
    lines = [
        CANARY,
        json.dumps(CANARY),
        json.dumps({"event": CANARY}),
        json.dumps({"event": CANARY, "level": "no level", "module": "m", "time": "t"}),
    ]
    pass_on(io.StringIO("\n".join(lines) + "\n"))

    assert "" == capsys.readouterr().err


def test_prv_keys_off_the_list_are_withheld_again(capsys):
    line = {"time": "t", "event": "e", "level": "info", "module": "m", "patient": CANARY}
    pass_on(io.StringIO(json.dumps(line) + "\n"))

    said = capsys.readouterr().err
    assert "withheld=1" in said
    assert CANARY not in said
