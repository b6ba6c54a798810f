"""Templates to answers: pages, and the parts of pages that renew themselves."""

from __future__ import annotations

import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dicom_node import __version__
from dicom_node.web import clock, spelling, words
from dicom_node.web.auth.roles import MEANINGS, ROLES
from dicom_node.web.site import site_of

if TYPE_CHECKING:
    from fastapi import Request

    from dicom_node.web.auth.visits import Visit
    from dicom_node.web.site import Site


@cache
def _templates() -> Environment:
    """Every value is escaped, and a name that is not given is an error, not a blank."""
    environment = Environment(
        loader=PackageLoader("dicom_node.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "person": spelling.person,
        "size": spelling.size,
        "dicom_date": clock.dicom_date,
        "duration": clock.duration,
    }
    environment.globals |= {
        "words": words,
        "word_for": words.word_for,
        "standing_word": words.standing_word,
        "count_of": spelling.count_of,
        "version": __version__,
        "role_meanings": MEANINGS,
        "roles": list(ROLES),
    }
    return environment


def page(
    request: Request, template: str, *, visit: Visit | None = None, status: int = 200, **values: Any
) -> HTMLResponse:
    """A whole page of `template`."""
    site = site_of(request)
    said = words.SAID.get(request.query_params.get("said", ""), "")
    html = _render(site, template, visit=visit, said=said, disk=site.disk.look(), **values)
    return HTMLResponse(html, status_code=status)


class Part(NamedTuple):
    """A part of a page that renews itself; templates put it where it stands.

    ``aside`` goes with a renewal only: elements elsewhere on the page that change with it.
    """

    html: str
    digest: str
    aside: str

    def __html__(self) -> str:
        return self.html


def live(  # noqa: PLR0913 - the facts about the part, and who sees it
    site: Site,
    template: str,
    *,
    name: str,
    url: str,
    every_s: float,
    visit: Visit,
    aside_template: str = "",
    **values: Any,
) -> Part:
    """A part that asks `url` for its successor, and gets it only when it has changed."""
    inner = _render(site, template, visit=visit, **values)
    aside = _render(site, aside_template, visit=visit, **values) if aside_template else ""
    digest = hashlib.sha256((inner + aside).encode()).hexdigest()[:16]
    html = _render(
        site,
        "parts/live.html",
        name=name,
        url=f"{url}{'&' if '?' in url else '?'}seen={digest}",
        every_s=every_s,
        inner=Markup(inner),  # noqa: S704 - rendered above, with every value escaped
    )
    return Part(html, digest, aside)


def renewed(request: Request, part: Part) -> Response:
    """`part` as answer to its predecessor; 204, nothing to swap, if they are the same."""
    if request.query_params.get("seen") == part.digest:
        return Response(status_code=204)
    return HTMLResponse(part.html + part.aside)


def _render(site: Site, template: str, **values: Any) -> str:
    zone = clock.zone_of(site.settings.node.time_zone)

    def when(at: Any, *, seconds: bool = False) -> Markup:  # noqa: ANN401 - a column's datetime or None
        return clock.time_element(at, zone, seconds=seconds)

    return _templates().get_template(template).render(site=site, when=when, **values)
