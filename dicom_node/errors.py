"""What the node says when it cannot go on.

NodeError                exit code 1
├── ConfigInvalid        exit code 2: a setting is unknown, mistyped or unsafe
├── RuleInvalid          exit code 2: a rule file cannot be read
├── PortBusy             exit code 3
├── FolderUnusable       exit code 4
└── SlotLost             a slot's child process ended during a job
    └── SlotTimedOut     it was killed because the job took too long

Messages are for an admin: what is wrong, where, and what to do. No patient's value appears.
"""

from __future__ import annotations


class NodeError(Exception):
    """The node cannot do what was asked."""

    exit_code = 1


class ConfigInvalid(NodeError):
    """A setting is unknown, mistyped or unsafe."""

    exit_code = 2


class RuleInvalid(NodeError):
    """A rule file cannot be read or asks for something that does not exist."""

    exit_code = 2


class PortBusy(NodeError):
    """Another program listens on a port that the node was told to use."""

    exit_code = 3


class FolderUnusable(NodeError):
    """The data folder cannot be made, read or written."""

    exit_code = 4


class SlotLost(NodeError):
    """A slot's child process ended while a job ran in it."""


class SlotTimedOut(SlotLost):
    """A job ran longer than it may, and its slot's child was killed."""
