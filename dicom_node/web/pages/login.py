"""The way in and out: the start page, the login, the first admin."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dicom_node.web.auth import first_admin, login
from dicom_node.web.auth.accounts import AccountRefused, add_first_admin
from dicom_node.web.auth.guest_form import check_guest_form, guest_token, keep_guest_token
from dicom_node.web.auth.visits import (
    CheckedForm,
    Visit,
    cookie_name,
    is_secure,
    origin_of,
    token_of,
    visit_of,
)
from dicom_node.web.local_path import local_path
from dicom_node.web.render import page
from dicom_node.web.site import AnySite, Site

router = APIRouter()
CheckedGuestForm = Depends(check_guest_form)
NOT_ACCEPTED = (
    "Login name or password is not right, or the account is locked. "
    "After several failures an account stays locked for a quarter of an hour."
)


@router.get("/")
def begin(visit: Annotated[Visit, Depends(visit_of)]) -> RedirectResponse:
    """The first page that the visitor's role may see."""
    return RedirectResponse("/studies" if visit.may("read") else "/audit", 303)


@router.get("/login")
def show_login(request: Request, site: AnySite) -> HTMLResponse:
    """The login form."""
    return _login_form(request, site)


@router.post("/login", dependencies=[CheckedGuestForm])
def take_login(
    request: Request,
    site: AnySite,
    name: Annotated[str, Form(max_length=256)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    after: Annotated[str, Form(max_length=256)] = "/",
) -> Response:
    """A login session, or the form again with one and the same sentence."""
    token = login.log_in(site.db, name, password, origin_of(request))
    if token is None:
        return _login_form(request, site, problem=NOT_ACCEPTED, name=name, status=401)
    return _with_session(token, local_path(after), site)


@router.post("/logout", dependencies=[CheckedForm])
def take_logout(
    request: Request, site: AnySite, visit: Annotated[Visit, Depends(visit_of)]
) -> Response:
    """The login session ended."""
    login.log_out(site.db, token_of(request), visit.login, visit.origin)
    response = RedirectResponse("/login?said=logged-out", 303)
    response.delete_cookie(cookie_name(site.settings.web), path="/")
    return response


@router.get("/first-admin/{token}")
def show_first_admin(request: Request, site: AnySite, token: str) -> HTMLResponse:
    """The form that makes the first admin, behind the link that the node printed."""
    if not first_admin.is_open(site.db, token):
        raise HTTPException(404)
    return _first_admin_form(request, site, token)


@router.post("/first-admin/{token}", dependencies=[CheckedGuestForm])
def take_first_admin(
    request: Request,
    site: AnySite,
    token: str,
    name: Annotated[str, Form(max_length=256)] = "",
    password: Annotated[str, Form(max_length=1024)] = "",
    again: Annotated[str, Form(max_length=1024)] = "",
) -> Response:
    """The first admin, logged in."""
    if not first_admin.is_open(site.db, token):
        raise HTTPException(404)
    problem = "" if password == again else "The two passwords differ."
    try:
        if not problem:
            add_first_admin(
                site.db, token=token, login=name, password=password, origin=origin_of(request)
            )
    except AccountRefused as refused:
        problem = str(refused)
    if problem:
        return _first_admin_form(request, site, token, problem=problem, name=name, status=422)
    session = login.log_in(site.db, name, password, origin_of(request))
    return _with_session(session, "/", site) if session else RedirectResponse("/login", 303)


def _login_form(
    request: Request, site: Site, *, problem: str = "", name: str = "", status: int = 200
) -> HTMLResponse:
    token = guest_token(request)
    after = local_path(request.query_params.get("next", "/"))
    response = page(
        request, "login.html", status=status, csrf=token, problem=problem, name=name, after=after
    )
    keep_guest_token(response, token, site.settings.web)
    return response


def _first_admin_form(
    request: Request,
    site: Site,
    link: str,
    *,
    problem: str = "",
    name: str = "admin",
    status: int = 200,
) -> HTMLResponse:
    token = guest_token(request)
    response = page(
        request,
        "first_admin.html",
        status=status,
        csrf=token,
        link=link,
        problem=problem,
        name=name,
    )
    keep_guest_token(response, token, site.settings.web)
    return response


def _with_session(token: str, path: str, site: Site) -> Response:
    response = RedirectResponse(path, 303)
    response.set_cookie(
        cookie_name(site.settings.web),
        token,
        path="/",
        httponly=True,
        samesite="strict",
        secure=is_secure(site.settings.web),
    )
    return response
