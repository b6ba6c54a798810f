"""The model card: a TOML file that names a pipeline and bounds what it may be used for.

Cards lie in ``pipelines/<modality>/cards/<name>.toml``. Every key is checked; an unknown key, a
missing evidence text or limits that cannot be met is a `CardInvalid`, not a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Code(_Strict):
    """A coded concept: ``(value, scheme, meaning)`` as in PS3.3 section 8."""

    value: str = Field(max_length=16)
    scheme: str
    meaning: str = Field(max_length=64)


class Segment(_Strict):
    """One label of a segmentation (PS3.3 C.8.20.2); texts name anatomy, never a person (SEG-04)."""

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
    network: str = Field(pattern=r"^pipelines\.networks\.[a-z0-9_]+:[A-Za-z0-9]+$")
    arguments: dict[str, int | float | str | bool | list[int]] = {}


class Evidence(_Strict):
    """What was measured, on which data, by which command."""

    text: str = Field(min_length=1)
    command: str = Field(min_length=1)
    figures: dict[str, float] = {}


class TrainingData(_Strict):
    """One data set behind the weights."""

    name: str
    source: str
    licence: str = Field(min_length=1)
    sha256: str


class ModelCard(_Strict):
    """A pipeline's plan, as read from its TOML file."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    version: str
    title: str
    kind: Literal["enhance", "segment"]
    entry: str = Field(pattern=r"^[a-z0-9_.]+:[a-z0-9_]+$")
    method: Literal["network", "classical"]
    intended_use: str = Field(min_length=1)
    not_for: str = Field(min_length=1)
    licence: str = Field(min_length=1)
    limits: Limits
    evidence: Evidence
    suffix: str = Field(max_length=24, pattern=r"^[ -~]+$")
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

    @model_validator(mode="after")
    def _kind_has_its_parts(self) -> ModelCard:
        if self.kind == "enhance" and (self.derivation is None or self.segments):
            raise ValueError("an enhancement names its derivation code and no segments")
        if self.kind == "segment" and (self.derivation is not None or not self.segments):
            raise ValueError("a segmentation names its segments and no derivation code")
        numbers = [segment.number for segment in self.segments]
        if len(set(numbers)) != len(numbers):
            raise ValueError("two segments have the same number")
        return self

    @model_validator(mode="after")
    def _method_has_its_parts(self) -> ModelCard:
        if (self.method == "network") != (self.weights is not None):
            raise ValueError("a network has weights, a classical method has none")
        if self.weights is not None and not self.training_data:
            raise ValueError("weights name the data that they were trained on")
        return self
