"""The list of studies. Each showing of it is audited as a query (110112).

The list renews itself without an audit row, because what is renewed holds nothing of a patient: the
states of the studies that are shown already, and how many have come since. Seeing those takes a new
showing, by a person, with its own audit row. What is searched for never stands in a URL.
"""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dicom_node.web.auth.events import query_event
from dicom_node.web.auth.visits import CheckedForm, Reader, Visit
from dicom_node.web.render import Part, live, page, renewed
from dicom_node.web.site import AnySite, Site
from storage.audit import record
from storage.db.queries import views
from storage.db.queries.views import StudySearch

router = APIRouter()
PER_PAGE = 50
RENEW_EVERY_S = 5


@router.get("/studies")
def show_studies(
    request: Request,
    site: AnySite,
    visit: Reader,
    search: Annotated[str, Query(max_length=32)] = "",
    before: Annotated[int | None, Query(ge=1)] = None,
) -> HTMLResponse:
    """One page of studies, all of them or those that a search found."""
    wanted = site.searches.find(search, visit.account_id)
    asked = wanted or StudySearch()
    with site.db.read() as session:
        found = views.list_studies(session, asked, limit=PER_PAGE, before_id=before)
    with site.db.begin() as session:
        record(
            session,
            query_event(visit.login, visit.origin, asdict(asked), len(found.lines)),
        )
    standings = [line.standing for line in found.lines]
    return page(
        request,
        "studies.html",
        visit=visit,
        found=found,
        asked=asked,
        search=search if wanted else "",
        forgotten=bool(search and not wanted),
        first=before is None,
        part=_part(site, visit, standings, found.newest_id, 0),
    )


@router.post("/studies/search", dependencies=[CheckedForm])
def take_search(
    site: AnySite,
    visit: Reader,
    patient: Annotated[str, Form(max_length=256)] = "",
    accession: Annotated[str, Form(max_length=64)] = "",
    state: Annotated[str, Form(max_length=16)] = "",
) -> Response:
    """The list, by way of a key under which the search is remembered."""
    wanted = StudySearch(patient.strip(), accession.strip(), state)
    if wanted == StudySearch():
        return RedirectResponse("/studies", 303)
    key = site.searches.keep(wanted, visit.account_id)
    return RedirectResponse(f"/studies?search={key}", 303)


@router.get("/studies/standings")
def renew_standings(
    request: Request,
    site: AnySite,
    visit: Reader,
    ids: Annotated[str, Query(max_length=1000)] = "",
    newest: Annotated[int, Query(ge=0)] = 0,
) -> Response:
    """The states of the studies that the page shows already, and how many came since."""
    shown = [int(number) for number in ids.split("-") if number.isdecimal()][:PER_PAGE]
    with site.db.read() as session:
        standings = views.standings_of(session, shown)
        came = views.count_studies_after(session, newest)
    return renewed(request, _part(site, visit, standings, newest, came))


def _part(
    site: Site, visit: Visit, standings: list[views.Standing], newest: int, came: int
) -> Part:
    ordered = sorted(standings, key=lambda standing: standing.id)
    ids = "-".join(str(standing.id) for standing in ordered)
    return live(
        site,
        "parts/came.html",
        aside_template="parts/standings.html",
        name="standings",
        url=f"/studies/standings?ids={ids}&newest={newest}",
        every_s=RENEW_EVERY_S,
        visit=visit,
        standings=ordered,
        came=came,
    )
