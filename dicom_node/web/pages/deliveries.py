"""Deliveries to destinations. The list holds nothing of a patient, so seeing it is not audited."""

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dicom_node.delivery.orders import cancel_delivery, resend_delivery
from dicom_node.web.auth.events import user
from dicom_node.web.auth.visits import CheckedForm, Operator, Reader
from dicom_node.web.pages.work_list import Back, Before, State, WorkList
from dicom_node.web.render import page, renewed
from dicom_node.web.site import AnySite
from dicom_node.web.words import DELIVERY
from storage.db.queries import work_lists

router = APIRouter(prefix="/deliveries")
DELIVERIES = WorkList("deliveries", "delivery", DELIVERY, work_lists.list_delivery_rows)


@router.get("")
def show_deliveries(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> HTMLResponse:
    """The page of all deliveries, or of those in one state."""
    part = DELIVERIES.part(site, visit, state, before)
    return page(request, "deliveries.html", visit=visit, state=state, part=part)


@router.get("/lines")
def renew_deliveries(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> Response:
    """The list, if it has changed."""
    return renewed(request, DELIVERIES.part(site, visit, state, before))


@router.post("/{delivery_id}/resend", dependencies=[CheckedForm])
def take_resend(
    site: AnySite, visit: Operator, delivery_id: int, back: Back = "/deliveries"
) -> Response:
    """The failed or held delivery queued again."""
    actor = user(visit.login)
    return DELIVERIES.obey(
        site, lambda now: resend_delivery(now, delivery_id, actor=actor), "resent", back
    )


@router.post("/{delivery_id}/cancel", dependencies=[CheckedForm])
def take_cancel(
    site: AnySite, visit: Operator, delivery_id: int, back: Back = "/deliveries"
) -> Response:
    """The waiting, held or failed delivery given up."""
    actor = user(visit.login)
    return DELIVERIES.obey(
        site, lambda now: cancel_delivery(now, delivery_id, actor=actor), "given-up", back
    )
