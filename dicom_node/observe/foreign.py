"""What other packages say, without what they say it about.

Their messages quote attribute values, file paths and SQL parameters, mostly by f-strings, so the
finished text is never used. Shown is the text as it stands in their source code, each value
replaced by an ellipsis, and the place.
"""

from __future__ import annotations

import ast
import linecache
import logging
import sys
import threading
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

import structlog

from dicom_node.observe.redact import short_place

if TYPE_CHECKING:
    from types import TracebackType

WITHHELD = "(text withheld)"
_METHODS = {"debug", "info", "warning", "warn", "error", "exception", "critical", "log"}
_warned: set[tuple[str, str, int]] = set()


class ForeignHandler(logging.Handler):
    """Takes the standard library's log records into the node's log."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; the record's finished message is not looked at."""
        log = structlog.get_logger(module=record.name)
        error = record.exc_info[1] if record.exc_info else None
        log.log(
            record.levelno,
            template_of(record.pathname, record.lineno),
            at=f"{short_place(record.pathname)}:{record.lineno}",
            **({"exc_info": error} if error else {}),
        )


@lru_cache(maxsize=512)
def template_of(path: str, line: int) -> str:
    """The literal text of the log call at a place in source code."""
    try:
        tree = ast.parse("".join(linecache.getlines(path)))
    except (SyntaxError, ValueError):
        return WITHHELD
    calls = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in _METHODS
        and node.lineno <= line <= (node.end_lineno or node.lineno)
    ]
    texts = [text for call in calls for argument in call.args if (text := _literal(argument))]
    return texts[-1] if texts else WITHHELD


def _literal(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else ""
    if isinstance(node, ast.JoinedStr):
        return "".join(_literal(part) or "…" for part in node.values)
    if isinstance(node, ast.BinOp):  # "..." % values, "..." + value
        return _literal(node.left)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # "...".format(...)
        return _literal(node.func.value)
    return ""


def show_warning(
    message: Warning | str,  # noqa: ARG001 - part of the signature that `warnings` calls
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,  # noqa: ARG001 - part of that signature
    line: str | None = None,  # noqa: ARG001 - part of that signature
) -> None:
    """Log that a Python warning was given, once for each place; its text quotes values."""
    place = (category.__name__, filename, lineno)
    if place in _warned:
        return
    _warned.add(place)
    log = structlog.get_logger(module="python")
    log.warning("Python warning", warning=category.__name__, at=f"{short_place(filename)}:{lineno}")


def take_over() -> None:
    """Send log records, warnings and uncaught errors of the whole process to the node's log."""
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, ForeignHandler)]
    root.addHandler(ForeignHandler(logging.WARNING))
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a record that cannot be formatted would be printed as it is
    warnings.showwarning = show_warning
    sys.excepthook = _uncaught
    threading.excepthook = _uncaught_in_thread
    sys.unraisablehook = _unraisable


def _uncaught(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    structlog.get_logger(module="python").critical(
        "unexpected error", exc_info=error.with_traceback(trace)
    )


def _uncaught_in_thread(args: threading.ExceptHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(args.exc_type, args.exc_value, args.exc_traceback)


def _unraisable(args: sys.UnraisableHookArgs) -> None:
    if args.exc_value is not None:
        _uncaught(type(args.exc_value), args.exc_value, args.exc_traceback)
