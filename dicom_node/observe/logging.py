"""The node's log: fixed texts with named values, one line each, and no patient data.

What may appear is listed (`observe.keys`), not what may not: a value under any other key is withheld
and only counted. Third parties' messages are shown as their source code wrote them, without the
values put in (`observe.foreign`): pydicom and pynetdicom quote attribute values (PRV-02).
"""

from __future__ import annotations

from typing import Any

import structlog


def get_log(name: str) -> Any:
    """The log of one module: ``log.info("study settled", study=3)``."""
    return structlog.get_logger(logger=name)


def configure(level: str, format: str) -> None:  # noqa: A002 - named as the setting is
    """Set the whole process up: structlog, the standard library's logging, warnings and hooks."""
    structlog.configure()
