"""The C-STORE statuses that this node answers (PS3.4 B.2.3, PS3.7 C)."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """What a C-STORE response says."""

    SUCCESS = 0x0000
    """The instance is on disk."""
    PROCESSING_FAILURE = 0x0110
    """The node broke; the sender may try again."""
    INVALID_INSTANCE = 0x0117
    """The command's SOP Instance UID is no UID."""
    NO_SUCH_CLASS = 0x0118
    """The command's SOP Class UID is no UID."""
    CLASS_NOT_SUPPORTED = 0x0122
    """The peer took no presentation context for the object (given by our own SCU)."""
    OUT_OF_RESOURCES = 0xA700
    """No room on disk."""
    DOES_NOT_MATCH = 0xA900
    """The data set's SOP Class or Instance UID is not the command's."""
    CANNOT_UNDERSTAND = 0xC000
    """The data set is empty, truncated or unreadable."""
    TOO_LARGE = 0xC002
    """The data set is larger than this node takes."""
    LACKS_IDENTITY = 0xC001
    """The data set lacks a usable Study, Series or SOP Instance UID."""
