"""The node itself: disk, listeners, slots, pipelines, peers, versions."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from dicom_node import __version__
from dicom_node.audit.backlog import untold
from dicom_node.web.auth.visits import Reader
from dicom_node.web.render import page
from dicom_node.web.site import AnySite
from dicom_node.web.troubles import troubles_of
from storage.db.queries import work_lists

router = APIRouter()
# Looked up, not imported: what computes and what talks DICOM stays out of the page's modules.
PACKAGES = ("pydicom", "pynetdicom", "highdicom", "torch", "numpy", "SQLAlchemy", "fastapi")


@router.get("/node")
def show_node(request: Request, site: AnySite, visit: Reader) -> HTMLResponse:
    """How the node is and what it is made of."""
    with site.db.read() as session:
        counts = work_lists.count_states(session)
        running = work_lists.running_by_slot(session)
        repositories = untold(session, site.settings, datetime.now(UTC))
    return page(
        request,
        "node.html",
        visit=visit,
        troubles=troubles_of(site.disk.look(), counts, site.trail, repositories),
        counts=counts,
        running=running,
        versions={
            "dicom-node": __version__,
            "Python": platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
        },
        database="SQLite" if site.db.is_sqlite else "PostgreSQL",
        cpus=os.cpu_count() or 1,
    )


def _version(package: str) -> str:
    try:
        return version_of(package)
    except PackageNotFoundError:
        return "not installed"
