"""Pages for what cannot be shown: plain, and with nothing of a patient."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

from fastapi.exceptions import RequestValidationError
from fastapi.responses import RedirectResponse, Response
from starlette.exceptions import HTTPException

from dicom_node.observe.logging import get_log
from dicom_node.web.auth.visits import LoginNeeded
from dicom_node.web.local_path import local_path
from dicom_node.web.render import page
from storage.db.unavailable import DATABASE_UNAVAILABLE

if TYPE_CHECKING:
    from fastapi import FastAPI, Request

log = get_log(__name__)

SENTENCES = {
    403: (
        "Not allowed",
        "Your role does not allow this, or the page was open too long. "
        "Open it again and repeat what you did.",
    ),
    404: ("Not found", "There is no such page, or what it showed is no longer kept."),
    405: ("Not allowed", "This address is not asked that way."),
    500: ("Something went wrong", "The fault lies inside the node. Its log says what it was."),
    503: (
        "The database does not answer",
        "Nothing is lost: reception goes on. Try again in a moment.",
    ),
}


def add_refusals(app: FastAPI) -> None:
    """Have `app` answer errors with these pages."""
    app.add_exception_handler(LoginNeeded, _ask_to_log_in)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_exception_handler(RequestValidationError, _not_found)
    for unavailable in DATABASE_UNAVAILABLE:
        app.add_exception_handler(unavailable, _unavailable)


def _ask_to_log_in(request: Request, _error: Exception) -> Response:
    if request.headers.get("HX-Request") == "true":
        return Response(status_code=401, headers={"HX-Redirect": "/login?said=timed-out"})
    if request.url.path.endswith(".png"):
        return Response(status_code=401)
    after = local_path(request.url.path, "") if request.method == "GET" else ""
    if after in ("", "/"):
        return RedirectResponse("/login", 303)
    return RedirectResponse(f"/login?said=timed-out&next={quote(after)}", 303)


def _refuse(request: Request, error: Exception) -> Response:
    return _told(request, error.status_code if isinstance(error, HTTPException) else 500)


def _not_found(request: Request, _error: Exception) -> Response:
    return _told(request, 404)


def _unavailable(request: Request, error: Exception) -> Response:
    log.warning("database unavailable", error=error)
    return _told(request, 503)


def _told(request: Request, status: int) -> Response:
    title, sentence = SENTENCES.get(status, SENTENCES[500])
    return page(request, "refusal.html", status=status, title=title, sentence=sentence)
