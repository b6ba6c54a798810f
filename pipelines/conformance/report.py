"""What the check found, in words that hold no value of the data set."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Collection

Severity = Literal["error", "warning"]
MOST_TOLD = 20


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes
    ----------
    where : str
        Keywords from the data set's top to the attribute, with ``/`` between; items have no number.
    what : str
        What is wrong with it.
    is_of_value : bool
        It is wrong of the value itself, so a copy of the value is as wrong anywhere.
    """

    severity: Severity
    where: str
    what: str
    is_of_value: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Equal for two findings that are one fault, copied or repeated."""
        where = self.where.rpartition("/")[2] if self.is_of_value else self.where
        return where, self.what

    def __str__(self) -> str:
        return f"{self.where} {self.what}"


@dataclass(frozen=True, slots=True)
class Report:
    """The findings on one object or on all objects of a run, each of them once."""

    findings: tuple[Finding, ...] = ()
    objects: int = 1

    @property
    def errors(self) -> tuple[Finding, ...]:
        """The findings that hold an object."""
        return tuple(found for found in self.findings if found.severity == "error")

    @property
    def keys(self) -> set[tuple[str, str]]:
        """What the report says, without where exactly."""
        return {found.key for found in self.findings}

    def without(self, known: Collection[tuple[str, str]]) -> Report:
        """The findings whose key is not `known`."""
        left = tuple(found for found in self.findings if found.key not in known)
        return Report(left, self.objects)

    def summary(self) -> dict[str, Any]:
        """The report for a manifest: counts, and the worst findings up to a fixed number."""
        worst_first = sorted(self.findings, key=lambda found: found.severity != "error")
        return {
            "objects": self.objects,
            "errors": len(self.errors),
            "warnings": len(self.findings) - len(self.errors),
            "findings": [
                {key: value for key, value in asdict(found).items() if key != "is_of_value"}
                for found in worst_first[:MOST_TOLD]
            ],
        }
