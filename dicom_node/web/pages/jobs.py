"""Jobs and their errors. The list holds nothing of a patient, so seeing it is not audited."""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dicom_node.jobs.orders import cancel_job, rerun_job
from dicom_node.web.auth.events import user
from dicom_node.web.auth.visits import CheckedForm, Operator, Reader, Visit
from dicom_node.web.local_path import local_path
from dicom_node.web.render import Part, live, page, renewed
from dicom_node.web.site import AnySite, Site
from dicom_node.web.words import JOB
from storage.db.queries import work_lists
from storage.errors import StaleTransition, UnknownTransition

router = APIRouter(prefix="/jobs")
PER_PAGE = 100
RENEW_EVERY_S = 3

State = Annotated[str, Query(max_length=16)]
Before = Annotated[int | None, Query(ge=1)]
Back = Annotated[str, Form(max_length=64)]


@router.get("")
def show_jobs(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> HTMLResponse:
    """The page of all jobs, or of those in one state."""
    part = _part(site, visit, state, before)
    return page(request, "jobs.html", visit=visit, state=state, part=part)


@router.get("/lines")
def renew_jobs(
    request: Request, site: AnySite, visit: Reader, state: State = "", before: Before = None
) -> Response:
    """The list, if it has changed."""
    return renewed(request, _part(site, visit, state, before))


@router.post("/{job_id}/rerun", dependencies=[CheckedForm])
def take_rerun(site: AnySite, visit: Operator, job_id: int, back: Back = "/jobs") -> Response:
    """The job queued again."""
    try:
        with site.db.begin() as session:
            job = rerun_job(session, job_id, actor=user(visit.login))
            if site.engine:
                site.engine.enqueue(session, job)
    except (StaleTransition, UnknownTransition):
        return _to(back, "moved-on")
    return _to(back, "rerun")


@router.post("/{job_id}/cancel", dependencies=[CheckedForm])
def take_cancel(site: AnySite, visit: Operator, job_id: int, back: Back = "/jobs") -> Response:
    """The job stopped, whether it waited or ran."""
    try:
        with site.db.begin() as session:
            if site.engine:
                site.engine.cancel(session, job_id, actor=user(visit.login))
            else:
                cancel_job(session, job_id, actor=user(visit.login))
    except (StaleTransition, UnknownTransition):
        return _to(back, "moved-on")
    return _to(back, "cancelled")


def _to(back: str, said: str) -> Response:
    return RedirectResponse(f"{local_path(back, '/jobs')}?said={said}", 303)


def _part(site: Site, visit: Visit, state: str, before: int | None) -> Part:
    state = state if state in JOB else ""
    with site.db.read() as session:
        jobs = work_lists.list_job_rows(session, limit=PER_PAGE + 1, state=state, before_id=before)
        counts = work_lists.count_states(session)["job"]
    return live(
        site,
        "parts/jobs.html",
        aside_template="parts/announcement.html",
        what="Jobs",
        known=JOB,
        name="jobs",
        url=f"/jobs/lines?state={state}" + (f"&before={before}" if before else ""),
        every_s=RENEW_EVERY_S,
        visit=visit,
        jobs=jobs[:PER_PAGE],
        next_id=jobs[PER_PAGE - 1].id if len(jobs) > PER_PAGE else None,
        state=state,
        counts=counts,
        waits_for_disk=site.disk.look().stops_jobs,
    )
