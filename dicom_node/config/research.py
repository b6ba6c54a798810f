"""Research projects: what leaves for one is de-identified, by the options that it chooses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, Field

from dicom_node.config.section import Section

if TYPE_CHECKING:
    from dicom_node.config.settings import Settings

Region = tuple[int, int, int, int]


def parse_blank(value: str) -> tuple[str, str, list[Region]]:
    """Modality, model (empty: any) and regions of ``US/Vivid E95: 0,0,800,60; 0,560,800,40``.

    A region is its left column, its top row, its width and its height.

    Raises
    ------
    ValueError
        It is written in another way.
    """
    where, colon, said = value.partition(":")
    modality, _, model = (part.strip() for part in where.partition("/"))
    try:
        regions = [_region(each) for each in said.split(";")] if colon and modality else []
    except ValueError:
        regions = []
    if not regions:
        raise ValueError(f"write MODALITY/MODEL: LEFT,TOP,WIDTH,HEIGHT; ..., not {value!r}")
    return modality, model, regions


def _region(text: str) -> Region:
    left, top, width, height = (int(each) for each in text.split(","))
    if min(left, top) < 0 or min(width, height) < 1:
        raise ValueError
    return left, top, width, height


def _blank(value: str) -> str:
    parse_blank(value)
    return value


Blank = Annotated[str, AfterValidator(_blank)]


class ResearchSection(Section):
    """[research.NAME]: a project whose destinations get nothing but de-identified objects."""

    dates: Literal["remove", "shift", "keep"] = Field(
        "remove", description="shift: by days of the patient's own (113107); keep them (113106)"
    )
    patient_characteristics: bool = Field(
        False, description="keep age, sex, size, weight (113108); SUV needs it, and the dates"
    )
    device: bool = Field(False, description="keep what identifies devices (113109)")
    institution: bool = Field(False, description="keep what identifies institutions (113112)")
    uids: bool = Field(False, description="keep UIDs, which lead back to the patient (113110)")
    descriptors: bool = Field(
        False, description="keep the known words of descriptions, and no others (113105)"
    )
    structured_content: bool = Field(
        False, description="send reports, with codes, numbers and references alone (113104)"
    )
    safe_private: bool = Field(
        False, description="keep the private attributes that PS3.15 calls safe (113111)"
    )
    blank: list[Blank] = Field(
        [], description='regions to make black, by modality and model (113101): "US: 0,0,800,60"'
    )
    sources: bool = Field(True, description="the received images of a job go with its results")
    key_file: Path | None = Field(
        None, description="file with the project's secret; none: made in the data folder"
    )


def check_research(settings: Settings) -> None:
    """Return when every peer's project is known; otherwise ValueError names those that are."""
    for name, peer in settings.peers.items():
        if peer.research and peer.research not in settings.research:
            known = ", ".join(sorted(settings.research)) or "none"
            raise ValueError(
                f"[peers.{name}] research: no project is called {peer.research!r}; known: {known}"
            )
