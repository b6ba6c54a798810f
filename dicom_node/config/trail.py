"""The settings of what proves the audit trail, and of how long it stays in the database."""

from __future__ import annotations

from datetime import time
from pathlib import Path
from typing import Self

from pydantic import Field, field_validator, model_validator

from dicom_node.config.section import Section


class TrailSection(Section):
    """[trail]: proving and keeping the audit trail."""

    key_file: Path | None = Field(
        None, description="Ed25519 key that signs checkpoints; none: audit.key in the data folder"
    )
    anchor_file: Path | None = Field(
        None,
        description="where checkpoints are kept outside the database, best on another disk",
    )
    checkpoint_every_s: float = Field(
        60.0, gt=0, allow_inf_nan=False, description="pause between checkpoints of a growing trail"
    )
    verify_at: str = Field(
        "03:00", description="time of day when the whole trail is verified; empty: at start only"
    )

    keep_days: int = Field(
        0, ge=0, description="older rows are moved into sealed archives; 0 keeps all of them"
    )
    archive_folder: Path | None = Field(
        None, description="where archives go; none: audit-archive in the data folder"
    )
    archiver_url: str = Field(
        "", description="database address of the role that may move rows; empty: the node's own"
    )

    @field_validator("verify_at")
    @classmethod
    def _is_a_time_of_day(cls, value: str) -> str:
        try:
            return value and f"{time.fromisoformat(value):%H:%M}"
        except ValueError:
            raise ValueError("write a time of day such as 03:00") from None

    @model_validator(mode="after")
    def _archives_what_was_verified(self) -> Self:
        if self.keep_days and not self.verify_at:
            raise ValueError("keep_days needs verify_at: rows are archived after a verification")
        return self

    @property
    def verify_time(self) -> time | None:
        """When the trail is verified every day, or None."""
        return time.fromisoformat(self.verify_at) if self.verify_at else None
