"""Checks that the node can be reached and can reach its peers."""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import time
from typing import TYPE_CHECKING

from dicom_node.audit.wire import TlsWire, in_words
from dicom_node.config import PeerSection
from dicom_node.data_folder import is_in_use
from dicom_node.doctor.finding import Finding
from dicom_node.net.admission import Caller, refuse
from dicom_node.net.errors import PeerError
from dicom_node.net.scu import echo

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dicom_node.config import RepositorySection, Settings

ANSWER_S = 5.0
OBJECT_S = 0.5  # by TLS 1.3 a server looks at our certificate after the handshake
_ANYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - told apart, not listened on


def check(settings: Settings) -> Iterator[Finding]:
    """Every check of ports and peers."""
    receive, tls, web = settings.receive, settings.tls, settings.web
    runs = is_in_use(settings.node.data_folder)
    dicom, page = _dicom_answers(settings), _page_answers(settings)
    # Shaking hands would need a peer's certificate: the port is a node's where its others are.
    tls_answers = tls.is_on and (dicom or page) and _listens(receive.host, tls.port)
    for name, host, port, is_wanted, answers in (
        ("receive port", receive.host, receive.port, receive.plain, dicom),
        ("tls port", receive.host, tls.port, tls.is_on, tls_answers),
        ("web port", web.host, web.port, True, page),
    ):
        if is_wanted and answers:
            yield check_served_port(name, f"{host}:{port}", runs=runs)
        elif is_wanted:
            yield check_port(name, host, port)
    for name, peer in settings.peers.items():
        yield check_peer(name, peer, settings)
    for name, repository in settings.repositories.items():
        yield check_repository(name, repository)


def check_served_port(name: str, at: str, *, runs: bool | None) -> Finding:
    """Whether the node that answers there is the one that runs in this data folder."""
    if runs:
        return Finding(name, ok=True, text=f"{at} is served by the running node")
    if runs is None:
        text = f"{at} is served by a node; this account may not see whether it is this one"
        return Finding(name, ok=None, text=text)
    text = f"{at} is used by another node, with another data folder: stop it or choose another port"
    return Finding(name, ok=False, text=text)


def check_port(name: str, host: str, port: int) -> Finding:
    """Whether the node can listen there."""
    at = f"{host}:{port}"
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except OSError as error:
        return Finding(name, ok=False, text=f"{at} {_why(error)}")
    return Finding(name, ok=True, text=f"{at} is free" if port else f"{host}, a free port")


def _why(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "is used by another program: stop it or choose another port"
    if error.errno == errno.EACCES:
        return "needs the right to use ports below 1024: CAP_NET_BIND_SERVICE, or a higher port"
    if error.errno == errno.EADDRNOTAVAIL:
        return "is no address of this computer"
    return f"cannot be used: {error.strerror}"


def _dicom_answers(settings: Settings) -> bool:
    receive = settings.receive
    if not (receive.plain and receive.port and _listens(receive.host, receive.port)):
        return False
    here = _ANYWHERE.get(receive.host, receive.host)
    ourselves = PeerSection(ae_title=settings.node.ae_title, host=here, port=receive.port)
    # A closed node takes calls from its peers only, so one that may call from here is the caller.
    callers = [
        peer.ae_title
        for peer in settings.peers.values()
        if refuse(settings, Caller(peer.ae_title, settings.node.ae_title, "127.0.0.1")) is None
    ]
    try:
        echo(ourselves, next(iter(callers), settings.node.ae_title), ANSWER_S)
    except PeerError:
        return False
    return True


def _page_answers(settings: Settings) -> bool:
    web = settings.web
    if not web.port or not _listens(web.host, web.port):
        return False
    here = _ANYWHERE.get(web.host, web.host)
    secured = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    secured.check_hostname = False
    secured.verify_mode = ssl.CERT_NONE  # only asked who it is; nothing is sent
    page = (
        http.client.HTTPSConnection(here, web.port, timeout=ANSWER_S, context=secured)
        if web.tls_key
        else http.client.HTTPConnection(here, web.port, timeout=ANSWER_S)
    )
    try:
        page.request("GET", "/login")
        return b"dicom-node" in page.getresponse().read(100_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        page.close()


def _listens(host: str, port: int) -> bool:
    try:
        with socket.create_connection((_ANYWHERE.get(host, host), port), timeout=ANSWER_S):
            return True
    except OSError:
        return False


def check_peer(name: str, peer: PeerSection, settings: Settings) -> Finding:
    """Whether a peer answers a C-ECHO."""
    title = f"peer {name}"
    if not peer.host or not peer.port:
        text = f"{peer.ae_title} has no host and port: it can send, nothing can be sent to it"
        return Finding(title, ok=None, text=text)
    try:
        echo(peer, settings.node.ae_title, min(settings.deliver.timeout_s, ANSWER_S))
    except PeerError as error:
        return Finding(title, ok=False, text=str(error))
    return Finding(
        title, ok=True, text=f"{peer.ae_title} at {peer.host}:{peer.port} answers C-ECHO"
    )


def check_repository(name: str, repository: RepositorySection) -> Finding:
    """Whether both sides of the way to an audit repository accept each other's certificate."""
    title = f"repository {name}"
    host, port = repository.address
    if repository.transport == "udp":
        text = f"{host}:{port} by UDP: nobody can tell whether it listens"
        return Finding(title, ok=None, text=text)
    try:
        wire = TlsWire(repository)
        try:
            time.sleep(OBJECT_S)
            wire.look()
        finally:
            wire.close()
    except OSError as error:
        return Finding(title, ok=False, text=f"{host}:{port}: {in_words(error)}")
    return Finding(title, ok=True, text=f"{host}:{port} accepts the node's certificate")
