"""The outermost layer: what every answer carries, how large a question may be, what a fault shows.

Browsers load nothing from elsewhere and run no script but the files of this page (CSP), keep no
page with patient data, and send a form only from this page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

from dicom_node.observe.logging import get_log

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

log = get_log(__name__)

LARGEST_BODY = 64 * 1024
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
UNCACHED = "no-store"
STATIC = "/static/"
FAULT = "Something went wrong inside the node. Its log says what.\n"


class Guard:
    """Wraps the application."""

    def __init__(self, app: ASGIApp, *, secure: bool) -> None:
        self._app = app
        self._headers = dict(HEADERS)
        if secure:
            self._headers["Strict-Transport-Security"] = "max-age=31536000"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun = False

        async def send_guarded(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                headers = MutableHeaders(scope=message)
                headers.update(self._headers)
                if not scope["path"].startswith(STATIC):
                    headers["Cache-Control"] = UNCACHED
            await send(message)

        refusal = _refusal(scope)
        if refusal:
            await refusal(scope, receive, send_guarded)
            return
        try:
            await self._app(scope, receive, send_guarded)
        except Exception:
            log.exception("a page failed", method=scope["method"])
            if not begun:
                await PlainTextResponse(FAULT, 500)(scope, receive, send_guarded)


def _refusal(scope: Scope) -> PlainTextResponse | None:
    """Why the request is not looked at: no form of this page sends such a one."""
    if scope["method"] in ("GET", "HEAD"):
        return None
    headers = Headers(scope=scope)
    length = headers.get("content-length", "")
    if not length.isdecimal():
        return PlainTextResponse("Length required.\n", 411)
    if int(length) > LARGEST_BODY:
        return PlainTextResponse("Too large.\n", 413)
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return PlainTextResponse("Forms are taken from this page only.\n", 403)
    return None
