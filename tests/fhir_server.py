"""A FHIR server for tests: https with certificates on both sides, and a judge of events."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fhir.resources.R4B.auditevent import AuditEvent

from dicom_node.config import RepositorySection
from tests.rsyslogd import Repository


class FhirServer:
    """Takes valid AuditEvents, unless it is told to answer something else first.

    With `hangs_up` it ends the connection after each answer.
    """

    def __init__(self, repository: Repository, *answers: int, hangs_up: bool = False) -> None:
        self.events: list[dict[str, Any]] = []
        self.answers = list(answers)
        self.asked = 0
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = server.take(self.path, event)
                self.send_response(status)
                self.send_header("Content-Length", "0")
                if hangs_up:
                    self.send_header("Connection", "close")
                self.end_headers()

            def log_message(self, *_arguments: object) -> None:
                pass

        own = repository._authority.issue("fhir", also="DNS:localhost,IP:127.0.0.1")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(own.certificate, own.key)
        context.load_verify_locations(repository._authority.certificate)
        context.verify_mode = ssl.CERT_REQUIRED
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.section = RepositorySection.model_validate({
            **repository.section("tls").model_dump(), "transport": "fhir", "path": "/fhir/r4",
            "port": self._http.server_address[1],
        })  # fmt: skip

    def take(self, path: str, event: dict[str, Any]) -> int:
        self.asked += 1
        if self.answers:
            return self.answers.pop(0)
        assert path == "/fhir/r4/AuditEvent"
        AuditEvent.model_validate(event)
        self.events.append(event)
        return 201

    def close(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def a_fhir_server(
    repository: Repository, *answers: int, hangs_up: bool = False
) -> Iterator[FhirServer]:
    """A running server that the repository's authority has signed for."""
    server = FhirServer(repository, *answers, hangs_up=hangs_up)
    try:
        yield server
    finally:
        server.close()
