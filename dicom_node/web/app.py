"""Makes the admin page out of the node's parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from dicom_node.observe.health import DiskGauge
from dicom_node.observe.trail import TrailGauge
from dicom_node.web.albums import Albums
from dicom_node.web.api import health
from dicom_node.web.auth.visits import is_secure
from dicom_node.web.guard import Guard
from dicom_node.web.pages import audit, deliveries, jobs, login, node, studies, study, users
from dicom_node.web.refusals import add_refusals
from dicom_node.web.searches import Searches
from dicom_node.web.site import Site

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dicom_node.config import Settings
    from dicom_node.jobs.engine import Engine
    from dicom_node.web.site import PipelineCard
    from storage.db.engine import Database
    from storage.files.store import ObjectStore

STATIC = Path(__file__).parent / "static"


def create_app(  # noqa: PLR0913 - one argument for each part of the node
    db: Database,
    store: ObjectStore,
    settings: Settings,
    engine: Engine | None = None,
    cards: Mapping[str, PipelineCard] | None = None,
    disk: DiskGauge | None = None,
    *,
    trail: TrailGauge | None = None,
) -> FastAPI:
    """The admin page.

    Parameters
    ----------
    engine : Engine, optional
        Told about jobs that are ordered to run again or to stop; without one only rows change.
    cards : mapping of str to PipelineCard, optional
        The installed pipelines by name, for their titles and intended use.
    disk : DiskGauge, optional
        The gauge that the engine goes by; one of its own if none is given.
    trail : TrailGauge, optional
        What the node knows of its audit trail; without one, only what the page itself verifies.
    """
    app = FastAPI(
        title="dicom-node",
        openapi_url=None,  # the page is for people; its forms are no interface
        telemetry={"auto_configure": False, "tracing": False, "metrics": False, "logs": False},
    )
    app.state.site = Site(
        db, store, settings, engine, cards or {}, Searches(), Albums(),
        disk or DiskGauge(settings), trail or TrailGauge(),
    )  # fmt: skip
    for pages in (login, studies, study, jobs, deliveries, node, audit, users, health):
        app.include_router(pages.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    add_refusals(app)
    app.add_middleware(Guard, secure=is_secure(settings.web))
    return app
