"""What stands between this installation and a working node: one plain line for each check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom_node.config import Settings


@dataclass(frozen=True, slots=True)
class Finding:
    """One check: `ok` is None for what is worth knowing but no fault."""

    name: str
    ok: bool | None
    text: str


def examine(settings: Settings) -> list[Finding]:
    """Check everything that `settings` stand on; no check stops another."""
    return [Finding("settings", ok=True, text=f"data folder {settings.node.data_folder}")]
