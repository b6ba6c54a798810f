"""A row of the trail as a syslog message (RFC 5424), and as a frame of a stream (RFC 5425)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from dicom_node.audit.message import message_of
from dicom_node.audit.plain import detail_of

if TYPE_CHECKING:
    from dicom_node.audit.here import Here
    from storage.db.tables import Audit

PRIORITY = 10 * 8 + 5  # facility 10, security and authorization; severity 5, notice (PS3.15 A.6)
MESSAGE_ID = "DICOM+RFC3881"
PROGRAM = "dicom-node"
NIL = "-"
BOM = b"\xef\xbb\xbf"  # RFC 5424 6.4: UTF-8 follows
_UNPRINTABLE = re.compile(r"[^\x21-\x7e]")


def line_of(row: Audit, here: Here) -> bytes:
    """The whole syslog message without a frame: one line, the same bytes for the same row."""
    pid = detail_of(row).get("pid")
    head = " ".join((
        f"<{PRIORITY}>1",
        row.at.isoformat(timespec="microseconds"),
        _UNPRINTABLE.sub("", here.host)[:255] or NIL,
        PROGRAM,
        str(pid) if isinstance(pid, int) else NIL,
        MESSAGE_ID,
        NIL,
    ))  # fmt: skip
    return head.encode("ascii") + b" " + BOM + message_of(row, here).encode("utf-8")


def framed(line: bytes) -> bytes:
    """The message with its length before it (RFC 5425 4.3, octet counting)."""
    return b"%d %b" % (len(line), line)
