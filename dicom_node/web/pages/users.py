"""Accounts: an admin makes, disables and enables them; everybody changes the own password."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from dicom_node.web.auth.accounts import (
    AccountRefused,
    add_account,
    set_disabled,
    set_password,
)
from dicom_node.web.auth.events import user
from dicom_node.web.auth.passwords import is_right
from dicom_node.web.auth.visits import CheckedForm, UserAdmin, Visit, visit_of
from dicom_node.web.render import page
from dicom_node.web.site import AnySite, Site
from storage.db.queries import accounts

router = APIRouter()
Secret = Annotated[str, Form(max_length=1024)]
AnyVisit = Annotated[Visit, Depends(visit_of)]


@router.get("/users")
def show_users(request: Request, site: AnySite, visit: UserAdmin) -> HTMLResponse:
    """Every account."""
    return _users(request, site, visit)


@router.post("/users", dependencies=[CheckedForm])
def take_user(
    request: Request,
    site: AnySite,
    visit: UserAdmin,
    name: Annotated[str, Form(max_length=256)] = "",
    password: Secret = "",
    role: Annotated[str, Form(max_length=16)] = "viewer",
) -> Response:
    """The new account, or why it cannot be made."""
    try:
        add_account(
            site.db,
            login=name,
            password=password,
            role=role,
            actor=user(visit.login),
            origin=visit.origin,
        )
    except AccountRefused as refused:
        return _users(request, site, visit, problem=str(refused), name=name, role=role)
    return RedirectResponse("/users?said=account-made", 303)


@router.post("/users/{account_id}/{order}", dependencies=[CheckedForm])
def take_order(
    request: Request,
    site: AnySite,
    visit: UserAdmin,
    account_id: int,
    order: Literal["disable", "enable"],
) -> Response:
    """The account disabled or enabled, or why it cannot be."""
    try:
        set_disabled(
            site.db,
            account_id,
            disabled=order == "disable",
            actor=user(visit.login),
            origin=visit.origin,
        )
    except AccountRefused as refused:
        return _users(request, site, visit, problem=str(refused))
    return RedirectResponse("/users?said=account-changed", 303)


@router.get("/account")
def show_account(request: Request, visit: AnyVisit) -> HTMLResponse:
    """One's own account."""
    return page(request, "account.html", visit=visit, problem="")


@router.post("/account", dependencies=[CheckedForm])
def take_password(
    request: Request,
    site: AnySite,
    visit: AnyVisit,
    now: Secret = "",
    password: Secret = "",
    again: Secret = "",
) -> Response:
    """One's own password changed, and everybody with the old one logged out."""
    with site.db.read() as session:
        account = accounts.account_by_login(session, visit.login)
    problem = ""
    if not is_right(now, account.password_hash if account else None):
        problem = "The present password is not right."
    elif password != again:
        problem = "The two new passwords differ."
    try:
        if not problem:
            set_password(
                site.db,
                login=visit.login,
                password=password,
                actor=user(visit.login),
                origin=visit.origin,
            )
    except AccountRefused as refused:
        problem = str(refused)
    if problem:
        return page(request, "account.html", visit=visit, problem=problem, status=422)
    return RedirectResponse("/login?said=password-changed", 303)


def _users(
    request: Request,
    site: Site,
    visit: Visit,
    *,
    problem: str = "",
    name: str = "",
    role: str = "viewer",
) -> HTMLResponse:
    with site.db.read() as session:
        found = accounts.list_accounts(session)
    return page(
        request,
        "users.html",
        visit=visit,
        status=422 if problem else 200,
        accounts=found,
        now=datetime.now(UTC),
        problem=problem,
        name=name,
        role=role,
    )
