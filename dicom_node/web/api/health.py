"""GET /health: for machines that watch the node. Without login, without anything of a patient."""

from datetime import UTC, datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from dicom_node import __version__
from dicom_node.audit.backlog import untold
from dicom_node.web.site import AnySite
from dicom_node.web.troubles import troubles_of
from storage.db.queries import work_lists
from storage.db.unavailable import DATABASE_UNAVAILABLE

router = APIRouter()


@router.get("/health")
def tell_health(site: AnySite) -> JSONResponse:
    """200 while the node can work, 503 while its disk is full or its database out of reach."""
    disk = site.disk.look()
    told: dict[str, Any] = {
        "version": __version__,
        "disk": disk.verdict,
        "free_mb": disk.free_mb,
        "audit": site.trail.standing,
    }
    try:
        with site.db.read() as session:
            counts = work_lists.count_states(session)
            repositories = untold(session, site.settings, datetime.now(UTC))
    except DATABASE_UNAVAILABLE:
        return JSONResponse({"status": "unwell", **told, "database": "out of reach"}, 503)
    well = not disk.stops_reception
    troubles = troubles_of(disk, counts, site.trail, repositories)
    status = "unwell" if not well else "attention" if troubles else "well"
    untold_rows = {one.repository: {"rows": one.rows, "age_s": one.age_s} for one in repositories}
    return JSONResponse(
        {"status": status, **told, "database": "ok", "counts": counts, "audit_untold": untold_rows},
        200 if well else 503,
    )
