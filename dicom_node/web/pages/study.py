"""One study: its results, what happened to it and why.

Opening the page writes one audit row (110103, read). What the page then asks for - renewed parts
and pictures - names that row as ``view``, and is given out only if the row is this person's view of
this study in this login session. So nothing of a patient is shown without an audit row, and a slice
slider writes none.
"""

from collections import Counter
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi.responses import HTMLResponse, Response

from dicom_node.preview.axes import Plane
from dicom_node.preview.pictures import depth
from dicom_node.preview.series import PreviewUnavailable
from dicom_node.web.albums import Album, Kind
from dicom_node.web.auth.events import user, view_event
from dicom_node.web.auth.visits import Reader, Visit
from dicom_node.web.render import Part, live, page, renewed
from dicom_node.web.results import results_of
from dicom_node.web.site import AnySite, Site
from dicom_node.web.timeline import reasons_of, timeline_of
from dicom_node.web.words import JOB
from storage.audit import record
from storage.db.queries import views
from storage.db.queries.study_view import StudyView, files_of_job, study_view

router = APIRouter(prefix="/studies/{study_id}")
RENEW_EVERY_S = 3


def view_of(site: AnySite, visit: Reader, study_id: int, view: Annotated[int, Query(ge=1)]) -> int:
    """The audit row of the page view that a request belongs to; 403 where there is none."""
    with site.db.read() as session:
        viewed = views.viewed_study(session, view, user(visit.login), visit.since)
    if viewed != f"study:{study_id}":
        raise HTTPException(403)
    return view


AuditedView = Annotated[int, Depends(view_of)]


@router.get("")
def show_study(request: Request, site: AnySite, visit: Reader, study_id: int) -> HTMLResponse:
    """The page of a study."""
    found = _find(site, study_id)
    with site.db.begin() as session:
        view = record(session, view_event(found.study, visit.login, visit.origin)).seq
    return page(
        request,
        "study.html",
        visit=visit,
        found=found,
        study=found.study,
        decision_entries=reasons_of(found),
        results=_results(site, visit, found, view),
        timeline=_timeline(site, visit, found, view),
    )


@router.get("/timeline")
def renew_timeline(
    request: Request, site: AnySite, visit: Reader, study_id: int, view: AuditedView
) -> Response:
    """What happened to the study, if more has happened since."""
    return renewed(request, _timeline(site, visit, _find(site, study_id), view))


@router.get("/results")
def renew_results(
    request: Request, site: AnySite, visit: Reader, study_id: int, view: AuditedView
) -> Response:
    """The study's results, if there are others since."""
    return renewed(request, _results(site, visit, _find(site, study_id), view))


@router.get("/jobs/{job_id}/viewer")
def show_viewer(
    request: Request, site: AnySite, visit: Reader, study_id: int, job_id: int, view: AuditedView
) -> HTMLResponse:  # fmt: skip
    """The pictures of one job with their slider; reads its files, so it is asked for separately."""
    try:
        album = _open_album(site, study_id, job_id)
    except PreviewUnavailable as error:
        return page(request, "parts/no_viewer.html", visit=visit, why=str(error))
    return page(
        request,
        "parts/viewer.html",
        visit=visit,
        album=album,
        depths={plane: depth(album.source, plane) for plane in album.source.planes},
        address=f"/studies/{study_id}/jobs/{job_id}",
        job_id=job_id,
        view=view,
    )


@router.get("/jobs/{job_id}/{kind}/{plane}/{index}.png")
def show_picture(
    site: AnySite,
    study_id: int,
    job_id: int,
    kind: Kind,
    plane: Plane,
    index: int,
    _view: AuditedView,
) -> Response:
    """One picture as PNG; kept by no browser beyond its page."""
    try:
        album = _open_album(site, study_id, job_id)
    except PreviewUnavailable:
        raise HTTPException(404) from None
    if kind not in album.kinds or plane not in album.source.planes:
        raise HTTPException(404)
    return Response(album.draw(kind, plane, index), media_type="image/png")


def _find(site: Site, study_id: int) -> StudyView:
    with site.db.read() as session:
        found = study_view(session, study_id)
    if found is None:
        raise HTTPException(404)
    return found


def _open_album(site: Site, study_id: int, job_id: int) -> Album:
    with site.db.read() as session:
        files = files_of_job(session, job_id)
    if files is None or files.study_id != study_id or not (files.enhanced or files.segmentations):
        raise HTTPException(404)
    return site.albums.open(
        [site.store.path(key) for key in files.sources],
        [site.store.path(key) for key in files.enhanced],
        [site.store.path(key) for key in files.segmentations],
    )


def _timeline(site: Site, visit: Visit, found: StudyView, view: int) -> Part:
    return live(
        site,
        "parts/timeline.html",
        aside_template="parts/announcement.html",
        what="Jobs of this study",
        known=JOB,
        counts=Counter(job.state for job in found.jobs),
        name="timeline",
        url=f"/studies/{found.study.id}/timeline?view={view}",
        every_s=RENEW_EVERY_S,
        visit=visit,
        study=found.study,
        entries=timeline_of(found, site.title),
    )


def _results(site: Site, visit: Visit, found: StudyView, view: int) -> Part:
    return live(
        site,
        "parts/results.html",
        name="results",
        url=f"/studies/{found.study.id}/results?view={view}",
        every_s=RENEW_EVERY_S,
        visit=visit,
        study=found.study,
        view=view,
        results=results_of(found, site.title),
    )
