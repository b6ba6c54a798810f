"""The node's log: fixed texts with named values, one line each, to stderr, and no patient data.

What may appear is listed (`observe.keys`), not what may not. Exceptions are told by type and place,
with their message only when it is one of ours. Third parties are heard through `observe.foreign`.
"""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

import structlog

from dicom_node.observe.foreign import take_over
from dicom_node.observe.redact import clean, describe, keep_allowed, where

if TYPE_CHECKING:
    from collections.abc import MutableMapping

Format = Literal["text", "json"]
Level = Literal["debug", "info", "warning", "error"]
_NUMBERS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}


def get_log(name: str) -> Any:  # noqa: ANN401 - structlog's lazy proxy has no type of its own
    """The log of one module: ``log.info("study settled", study=3)``.

    Keys are those of `observe.keys`; ``log.exception`` and ``error=some_exception`` tell the type.
    """
    return structlog.get_logger(module=name.removeprefix("dicom_node."))


def configure(level: Level, format: Format) -> None:
    """Set the whole process up: the node's log, other packages' logs, warnings, uncaught errors."""
    _set_structlog(level, format)
    take_over()


def _set_structlog(level: Level, form: Format) -> None:
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            _name_level,
            _tell_error,
            _redact,
            _as_json if form == "json" else _as_text,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_NUMBERS[level]),
        logger_factory=_Stderr,
        cache_logger_on_first_use=False,
    )


class _Stderr:
    """Writes each line in one piece to whatever stderr is at that moment."""

    def __init__(self, *_args: object) -> None:
        pass

    def debug(self, line: str) -> None:
        with suppress(OSError, ValueError, AttributeError):  # nobody listens: no reason to stop
            sys.stderr.write(line + "\n")
            sys.stderr.flush()

    info = warning = error = critical = exception = fatal = msg = debug


def _name_level(_logger: object, method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
    event["level"] = {"exception": "error", "warn": "warning", "fatal": "critical"}.get(
        method, method
    )
    return event


def _tell_error(_logger: object, _method: str, event: MutableMapping[str, Any]) -> Any:  # noqa: ANN401
    raised = event.pop("exc_info", None)
    if raised is True:
        raised = sys.exc_info()[1]
    elif isinstance(raised, tuple):
        raised = raised[1]
    if isinstance(raised, BaseException):
        event["error"] = describe(raised)
        event["where"] = where(raised)
    return event


def _redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> dict[str, Any]:
    text = clean(str(event.pop("event", "")))
    return {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "event": text,
        **keep_allowed(dict(event)),
    }


def _as_json(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    return json.dumps(event, ensure_ascii=False)


def _as_text(_logger: object, _method: str, event: MutableMapping[str, Any]) -> str:
    at, text = event.pop("time"), event.pop("event")
    level, module = event.pop("level", ""), event.pop("module", "")
    values = " ".join(f"{key}={_word(value)}" for key, value in event.items())
    return f"{at} {level:<8} {module}: {text}" + (f"  {values}" if values else "")


def _word(value: object) -> str:
    if isinstance(value, str) and value and not set(value) & set(' ="'):
        return value
    return json.dumps(value, ensure_ascii=False)


# A process that never calls `configure`, such as a test or a command, is as discreet as the node.
_set_structlog("info", "text")
