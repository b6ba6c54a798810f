"""Deliveries to destinations. The list holds nothing of a patient, so seeing it is not audited."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dicom_node.delivery.orders import cancel_delivery, resend_delivery
from dicom_node.web.auth.events import user
from dicom_node.web.auth.visits import CheckedForm, Operator, Reader, Visit
from dicom_node.web.local_path import local_path
from dicom_node.web.pages.jobs import Back, Before, State
from dicom_node.web.render import Part, live, page, renewed
from dicom_node.web.site import AnySite, Site
from dicom_node.web.words import DELIVERY
from storage.db.queries import work_lists
from storage.errors import StaleTransition, UnknownTransition

router = APIRouter(prefix="/deliveries")
PER_PAGE = 100
RENEW_EVERY_S = 3


@router.get("")
def show_deliveries(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> HTMLResponse:
    """The page of all deliveries, or of those in one state."""
    part = _part(site, visit, state, before)
    return page(request, "deliveries.html", visit=visit, state=state, part=part)


@router.get("/lines")
def renew_deliveries(
    request: Request,
    site: AnySite,
    visit: Reader,
    state: Annotated[str, Query(max_length=16)] = "",
    before: Before = None,
) -> Response:
    """The list, if it has changed."""
    return renewed(request, _part(site, visit, state, before))


@router.post("/{delivery_id}/resend", dependencies=[CheckedForm])
def take_resend(
    site: AnySite, visit: Operator, delivery_id: int, back: Back = "/deliveries"
) -> Response:
    """The failed delivery queued again."""
    try:
        with site.db.begin() as session:
            resend_delivery(session, delivery_id, actor=user(visit.login))
    except (StaleTransition, UnknownTransition):
        return _to(back, "moved-on")
    return _to(back, "resent")


@router.post("/{delivery_id}/cancel", dependencies=[CheckedForm])
def take_cancel(
    site: AnySite, visit: Operator, delivery_id: int, back: Back = "/deliveries"
) -> Response:
    """The waiting or failed delivery given up."""
    try:
        with site.db.begin() as session:
            cancel_delivery(session, delivery_id, actor=user(visit.login))
    except (StaleTransition, UnknownTransition):
        return _to(back, "moved-on")
    return _to(back, "given-up")


def _to(back: str, said: str) -> Response:
    return RedirectResponse(f"{local_path(back, '/deliveries')}?said={said}", 303)


def _part(site: Site, visit: Visit, state: str, before: int | None) -> Part:
    state = state if state in DELIVERY else ""
    with site.db.read() as session:
        rows = work_lists.list_delivery_rows(
            session, limit=PER_PAGE + 1, state=state, before_id=before
        )
        counts = work_lists.count_states(session)["delivery"]
    return live(
        site,
        "parts/deliveries.html",
        aside_template="parts/announcement.html",
        what="Deliveries",
        known=DELIVERY,
        name="deliveries",
        url=f"/deliveries/lines?state={state}" + (f"&before={before}" if before else ""),
        every_s=RENEW_EVERY_S,
        visit=visit,
        deliveries=rows[:PER_PAGE],
        next_id=rows[PER_PAGE - 1].id if len(rows) > PER_PAGE else None,
        state=state,
        counts=counts,
    )
