"""What every page is drawn from: the node's parts, given once by the composition root."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends, Request

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.config import Settings
    from dicom_node.jobs.engine import Engine
    from dicom_node.observe.health import DiskGauge
    from dicom_node.observe.trail import TrailGauge
    from dicom_node.web.albums import Albums
    from dicom_node.web.searches import Searches
    from storage.db.engine import Database
    from storage.files.store import ObjectStore


class CardLimits(Protocol):
    """The part of a card's limits that the page shows."""

    @property
    def modalities(self) -> list[str]:
        """DICOM modalities that the pipeline takes."""


class PipelineCard(Protocol):
    """What the page shows of a model card; `pipelines` itself stays out of this process."""

    @property
    def title(self) -> str:
        """What people call the pipeline."""

    @property
    def version(self) -> str:
        """Its version."""

    @property
    def kind(self) -> str:
        """``enhance`` or ``segment``."""

    @property
    def method(self) -> str:
        """``network`` or ``classical``."""

    @property
    def intended_use(self) -> str:
        """What it is for."""

    @property
    def not_for(self) -> str:
        """What it is not for."""

    @property
    def limits(self) -> CardLimits:
        """What it takes."""


@dataclass(frozen=True, slots=True)
class Site:
    """The parts of the node that the page shows or gives orders to."""

    db: Database
    store: ObjectStore
    settings: Settings
    engine: Engine | None
    cards: Mapping[str, PipelineCard]
    searches: Searches
    albums: Albums
    disk: DiskGauge
    trail: TrailGauge

    def title(self, pipeline: str) -> str:
        """What people call the pipeline; its name where no card is installed any more."""
        card = self.cards.get(pipeline)
        return card.title if card else pipeline


def site_of(request: Request) -> Site:
    """The site that the asked application was made for."""
    site: Site = request.app.state.site
    return site


AnySite = Annotated[Site, Depends(site_of)]
