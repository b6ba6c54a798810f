"""The model card: a TOML file that names a pipeline and bounds what it may be used for.

Cards lie in ``pipelines/<modality>/cards/<name>.toml``. Every key is checked; an unknown key, a
missing evidence text or limits that cannot be met is a `CardInvalid`, not a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Strict):
    """A coded concept: ``(value, scheme, meaning)`` as in PS3.3 section 8."""

    value: str = Field(max_length=16)
    scheme: str
    meaning: str = Field(max_length=64)


class Segment(_Strict):
    """One label of a segmentation (PS3.3 C.8.20.2)."""

    number: int = Field(ge=1, le=255)
    label: str = Field(max_length=64)
    category: Code
    type: Code
    modifier: Code | None = None
    colour: tuple[int, int, int]


class Limits(_Strict):
    """The inputs a pipeline is for; anything else is refused with the reason."""

    modalities: list[str]
    input: Literal["volume", "frames"]
    slices: tuple[int, int] = (1, 5000)
    rows: tuple[int, int] = (16, 4096)
    columns: tuple[int, int] = (16, 4096)
    slice_spacing_mm: tuple[float, float] | None = None
    pixel_spacing_mm: tuple[float, float] | None = None
    colour: bool = False
    rescale_type: str | None = None
    units: list[str] | None = None


class Weights(_Strict):
    """The learned part: a file beside the card and the network it belongs to."""

    file: str
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    network: str
    arguments: dict[str, int | float | str | bool | list[int]] = {}


class Evidence(_Strict):
    """What was measured, on which data, by which command."""

    text: str
    command: str
    figures: dict[str, float] = {}


class TrainingData(_Strict):
    """One data set behind the weights."""

    name: str
    source: str
    licence: str
    sha256: str


class ModelCard(_Strict):
    """A pipeline's plan, as read from its TOML file."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    version: str
    title: str
    kind: Literal["enhance", "segment"]
    entry: str
    method: Literal["network", "classical"]
    intended_use: str
    not_for: str
    licence: str
    limits: Limits
    evidence: Evidence
    suffix: str = Field(max_length=24)
    parameters: dict[str, float | int | str | bool] = {}
    derivation: Code | None = None
    segments: list[Segment] = []
    weights: Weights | None = None
    training_data: list[TrainingData] = []
    references: list[str] = []
    folder: Path = Path()

    @property
    def weights_path(self) -> Path | None:
        """Where the weights lie, or None for a classical method."""
        return self.folder / self.weights.file if self.weights else None
