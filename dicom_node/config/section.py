"""What all sections of the settings have in common."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Section(BaseModel):
    """Settings that are read once, never changed, and complain about what they do not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)
