"""What a slot's child tells the log: its own lines are told again, anything else is dropped.

Libraries in the child may print whatever they like, file names and attribute values included, so
only lines that the child's own log has written, as JSON, pass; and they pass through the parent's
allow-list once more.
"""

from __future__ import annotations

import json
from typing import IO, Any

from dicom_node.observe.logging import get_log

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


def pass_on(stream: IO[str]) -> None:
    """Tell every line of the child's log until its end."""
    with stream:
        for line in stream:
            said = _own_line(line)
            if said:
                text, level, module = said.pop("event"), said.pop("level"), said.pop("module")
                get_log(str(module)).log(LEVELS[level], str(text), **said)


def _own_line(line: str) -> dict[str, Any] | None:
    """The line's fields, if the child's log wrote it."""
    try:
        said = json.loads(line)
    except ValueError:
        return None
    if not isinstance(said, dict) or said.get("level") not in LEVELS:
        return None
    if not {"event", "module", "time"} <= said.keys():
        return None
    del said["time"]
    return said
