"""The answer of one check."""

from __future__ import annotations

from dataclasses import dataclass

_MARKS = {True: "ok", False: "FAULT", None: "note"}


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: its name, whether all is well, and one plain line.

    Attributes
    ----------
    ok : bool or None
        None for what is worth knowing but no fault.
    text : str
        What was found and, for a fault, what to do. No patient data, no passwords.
    """

    name: str
    ok: bool | None
    text: str

    def __str__(self) -> str:
        return f"{_MARKS[self.ok]:<6} {self.name}: {self.text}"
