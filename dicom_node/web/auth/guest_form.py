"""CSRF tokens for the forms before a login: one in a cookie, the same one in the form."""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from fastapi import HTTPException, Request

from dicom_node.web.auth.tokens import new_token
from dicom_node.web.auth.visits import CSRF_FIELD, is_secure

if TYPE_CHECKING:
    from fastapi import Response

    from dicom_node.config import WebSection

COOKIE = "dicom-node-form"


def guest_token(request: Request) -> str:
    """The browser's token for forms before a login; a new one where it has none."""
    return request.cookies.get(COOKIE) or new_token()


def keep_guest_token(response: Response, token: str, web: WebSection) -> None:
    """Have the browser send the token back."""
    response.set_cookie(
        COOKIE, token, path="/", httponly=True, samesite="strict", secure=is_secure(web)
    )


async def check_guest_form(request: Request) -> None:
    """Let a POST before a login pass only with the token of its own browser; 403 otherwise."""
    kept = request.cookies.get(COOKIE, "")
    sent = (await request.form()).get(CSRF_FIELD)
    if not kept or not isinstance(sent, str):
        raise HTTPException(403)
    if not hmac.compare_digest(sent.encode("utf-8", "replace"), kept.encode("utf-8", "replace")):
        raise HTTPException(403)
