"""The way to a FHIR server: one POST for each AuditEvent, which it answers (IHE RESTful ATNA).

Unlike syslog it says what it has taken; a server that refuses an event is asked again, and the
events after it wait.
"""

from __future__ import annotations

import errno
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from dicom_node.audit.wire import WRITE_WITHIN_S, connected

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dicom_node.config import RepositorySection

TAKEN = (200, 201, 202)
HEADERS = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}


class SecureConnection(HTTPConnection):
    """A connection that is encrypted each time it is made.

    `http.client` connects anew by itself where a server has hung up after an answer.
    """

    def __init__(self, repository: RepositorySection) -> None:
        super().__init__(*repository.address, timeout=WRITE_WITHIN_S)
        self._repository = repository

    def connect(self) -> None:
        """Connect, with certificates checked on both sides."""
        self.sock = connected(self._repository)


class HttpWire:
    """Events by https; a connection is used for the events that are there, and closed."""

    def __init__(self, repository: RepositorySection) -> None:
        self._repository = repository
        connected(repository).close()  # is anybody there?

    def write(self, lines: Iterable[bytes]) -> None:
        """Post the events in order; OSError at the first that is not taken."""
        connection = SecureConnection(self._repository)
        try:
            for line in lines:
                connection.request("POST", f"{self._repository.path}/AuditEvent", line, HEADERS)
                answer = connection.getresponse()
                answer.read()
                if answer.status not in TAKEN:
                    raise OSError(errno.EPROTO, f"it answered {answer.status} to an event")
        except HTTPException:
            raise OSError(errno.EPROTO, "what it answered is no HTTP") from None
        finally:
            connection.close()

    def look(self) -> bool:
        """True: every event was answered."""
        return True

    def finish(self, within_s: float) -> bool:  # noqa: ARG002 - there is nothing to wait for
        """True, as `look`."""
        return True

    def close(self) -> None:
        """Nothing is open between events."""
