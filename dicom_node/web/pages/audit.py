"""The audit trail, newest first. Reading it is audited (110101), and so is checking its seals."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from dicom_node.web.auth.events import audit_read_event
from dicom_node.web.auth.visits import AuditReader, CheckedForm, Visit
from dicom_node.web.render import page
from dicom_node.web.site import AnySite, Site
from dicom_node.witness import proof_of
from storage.audit import list_events, record
from storage.errors import AuditBroken
from storage.verification import examine

router = APIRouter(prefix="/audit")
PER_PAGE = 100


@router.get("")
def show_audit(
    request: Request,
    site: AnySite,
    visit: AuditReader,
    before: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """One page of the trail."""
    return _trail(request, site, visit, before, checked="", broken="")


@router.post("/verify", dependencies=[CheckedForm])
def take_verify(request: Request, site: AnySite, visit: AuditReader) -> HTMLResponse:
    """The trail with the answer whether all of it is as it was written."""
    checked = broken = ""
    head = site.db.head_file or site.settings.node.data_folder / "audit.head"
    try:
        found = examine(site.db, head, proof_of(site.settings))
        checked = f"All {found.rows:,} rows are as they were written."
        if found.checkpoints:
            checked += f" Signed and anchored outside the database up to row {found.anchored:,}."
        site.trail.fault = ""
    except AuditBroken as error:
        site.trail.fault = str(error)
        broken = f"The trail is broken at row {error.seq}: {error.reason}."
    with site.db.begin() as session:
        said = "trail verified" if checked else "trail found broken"
        record(session, audit_read_event(visit.login, visit.origin, said))
    return _trail(request, site, visit, None, checked=checked, broken=broken)


def _trail(
    request: Request, site: Site, visit: Visit, before: int | None, *, checked: str, broken: str
) -> HTMLResponse:
    with site.db.read() as session:
        events = list_events(session, limit=PER_PAGE + 1, before_seq=before)
    with site.db.begin() as session:
        record(session, audit_read_event(visit.login, visit.origin, "trail read"))
    shown = events[:PER_PAGE]
    return page(
        request,
        "audit.html",
        visit=visit,
        events=shown,
        next_seq=shown[-1].seq if len(events) > PER_PAGE else None,
        first=before is None,
        checked=checked,
        broken=broken,
        head_problem=site.db.head_problem,
    )
