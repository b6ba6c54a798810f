"""Makes any value fit for a log line: one line long, short, and without a patient's identifiers."""

from __future__ import annotations

import errno
import re
import traceback
from pathlib import Path, PurePath

from dicom_node.observe.keys import ALLOWED

LONGEST = 300
MOST_ITEMS = 20
OWN_PACKAGES = ("dicom_node", "pipelines", "storage")

# Any UID longer than the standard's own short ones tells of a study. Versions and addresses do not
# reach this length, SOP class and transfer syntax UIDs (1.2.840.10008...) are public.
_UID = re.compile(r"(?<![\d.])(?!1\.2\.840\.10008\.)[0-2]\.\d[\d.]{16,}")


def keep_allowed(fields: dict[str, object]) -> dict[str, object]:
    """The fields whose key is allowed, cleaned, and ``withheld`` = how many others there were."""
    kept = {key: clean(value) for key, value in fields.items() if key in ALLOWED}
    withheld = len(fields) - len(kept)
    return {**kept, "withheld": withheld} if withheld else kept


def clean(value: object) -> object:
    """A number, a short text on one line, or a list of them; of anything else its type's name."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, BaseException):
        return describe(value)
    if isinstance(value, str | PurePath):
        return one_line(_UID.sub("<uid>", str(value)))
    if isinstance(value, list | tuple | set | frozenset):
        return [clean(item) for item in list(value)[:MOST_ITEMS]]
    return f"<{type(value).__name__}>"


def one_line(text: str) -> str:
    """`text` with every control and line-breaking character escaped, cut to a readable length."""
    safe = "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode("ascii")
        for character in text[:LONGEST]
    )
    return safe if len(text) <= LONGEST else safe + "…"


def describe(error: BaseException) -> str:
    """The error's type; its message too, when one of our own packages wrote it.

    Other packages' messages quote attribute values and SQL parameters.
    """
    kind = type(error).__name__
    if type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return one_line(_UID.sub("<uid>", f"{kind}: {error}"))
    if isinstance(error, OSError) and error.errno is not None:
        return f"{kind} {errno.errorcode.get(error.errno, error.errno)}"
    return kind


def where(error: BaseException) -> str:
    """The last line of our own code that the error passed, and the line that raised it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return ""
    places = [f"{short_place(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    own = [place for place in places if place.startswith(OWN_PACKAGES)]
    return " <- ".join(dict.fromkeys([places[-1], *own[-1:]]))


def short_place(file: str) -> str:
    """A source file's path from its package on, or its last two parts."""
    parts = Path(file).parts
    for package in OWN_PACKAGES:
        if package in parts:
            return "/".join(parts[len(parts) - 1 - parts[::-1].index(package) :])
    return "/".join(parts[-2:])
