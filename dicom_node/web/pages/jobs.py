"""Jobs and their errors. The list holds nothing of a patient, so seeing it is not audited."""

from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from dicom_node.jobs.orders import cancel_job, rerun_job
from dicom_node.web.auth.events import user
from dicom_node.web.auth.visits import CheckedForm, Operator, Reader
from dicom_node.web.pages.work_list import Back, Before, State, WorkList
from dicom_node.web.render import page, renewed
from dicom_node.web.site import AnySite
from dicom_node.web.words import JOB
from storage.db.queries import work_lists

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

router = APIRouter(prefix="/jobs")
JOBS = WorkList("jobs", "job", JOB, work_lists.list_job_rows)


@router.get("")
def show_jobs(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> HTMLResponse:
    """The page of all jobs, or of those in one state."""
    part = JOBS.part(site, visit, state, before)
    return page(request, "jobs.html", visit=visit, state=state, part=part)


@router.get("/lines")
def renew_jobs(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> Response:
    """The list, if it has changed."""
    return renewed(request, JOBS.part(site, visit, state, before))


@router.post("/{job_id}/rerun", dependencies=[CheckedForm])
def take_rerun(site: AnySite, visit: Operator, job_id: int, back: Back = "/jobs") -> Response:
    """The job queued again."""

    def rerun(session: "Session") -> None:
        job = rerun_job(session, job_id, actor=user(visit.login))
        if site.engine:
            site.engine.enqueue(session, job)

    return JOBS.obey(site, rerun, "rerun", back)


@router.post("/{job_id}/cancel", dependencies=[CheckedForm])
def take_cancel(site: AnySite, visit: Operator, job_id: int, back: Back = "/jobs") -> Response:
    """The job stopped, whether it waited or ran."""
    cancel = site.engine.cancel if site.engine else cancel_job
    actor = user(visit.login)
    return JOBS.obey(site, lambda now: cancel(now, job_id, actor=actor), "cancelled", back)
