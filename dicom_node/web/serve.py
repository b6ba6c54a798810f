"""Serves the admin page from a thread of the core process."""

from __future__ import annotations

import ssl
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import uvicorn

from dicom_node.errors import ConfigInvalid, NodeError
from dicom_node.net.listener import open_listener

if TYPE_CHECKING:
    import socket

    from fastapi import FastAPI

    from dicom_node.config import Settings

START_WITHIN_S = 30
STOP_WITHIN_S = 10


@dataclass(slots=True)
class Served:
    """A running admin page."""

    url: str
    server: uvicorn.Server
    thread: threading.Thread
    listener: socket.socket

    def stop(self) -> None:
        """Answer what is being asked and end."""
        self.server.should_exit = True
        self.thread.join(STOP_WITHIN_S)
        self.listener.close()


def serve(app: FastAPI, settings: Settings) -> Served:
    """The page, answering at `Served.url` when this returns.

    Raises
    ------
    PortBusy
        Another program listens there.
    ConfigInvalid
        The certificate or its key cannot be used.
    NodeError
        The address cannot be listened on.
    """
    web = settings.web
    server = _server(app, settings)
    listener = open_listener(web.host, web.port, "web")
    # Browsers ask in bursts; a stop must not wait for connections they keep open.
    thread = threading.Thread(target=server.run, args=([listener],), name="web", daemon=True)
    thread.start()
    deadline = time.monotonic() + START_WITHIN_S
    while not server.started:
        if not thread.is_alive() or time.monotonic() > deadline:
            listener.close()
            raise NodeError("the admin page did not start; the log says why")
        time.sleep(0.01)
    host, port = listener.getsockname()[:2]
    scheme = "https" if web.tls_key else "http"
    shown = f"[{host}]" if ":" in host else host
    return Served(f"{scheme}://{shown}:{port}", server, thread, listener)


def _server(app: FastAPI, settings: Settings) -> uvicorn.Server:
    web = settings.web
    config = uvicorn.Config(
        app,
        access_log=False,
        log_config=None,  # the node's own log is set up by observe.logging
        server_header=False,
        date_header=False,
        proxy_headers=web.behind_proxy,
        forwarded_allow_ips="127.0.0.1,::1",
        ssl_certfile=str(web.tls_certificate) if web.tls_certificate else None,
        ssl_keyfile=str(web.tls_key) if web.tls_key else None,
        timeout_graceful_shutdown=3,
        timeout_keep_alive=15,
        limit_concurrency=200,
        ws="none",
        lifespan="off",
    )
    try:
        config.load()
    except (OSError, ssl.SSLError):
        raise ConfigInvalid(
            "[web] tls_certificate or tls_key cannot be used: both are PEM files, the key without "
            "a password, readable by the node's account"
        ) from None
    return uvicorn.Server(config)  # outside the main thread it leaves signals alone
