"""The page's socket: ports, TLS, start and stop."""

from __future__ import annotations

import socket
import ssl
import subprocess

import httpx
import pytest

from dicom_node.config import Settings
from dicom_node.errors import ConfigInvalid, NodeError, PortBusy
from dicom_node.web.app import create_app
from dicom_node.web.serve import serve
from tests.integration.web.visitor import PASSWORD, Visitor, a_page, csrf_of
from tests.tools import program


def test_a_busy_port_is_said_plainly(page):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        settings = Settings.model_validate({"web": {"port": port}})

        with pytest.raises(PortBusy, match=f"port {port} on 127.0.0.1 is in use") as told:
            serve(create_app(page.db, page.store, settings), settings)

    assert 3 == told.value.exit_code


def test_an_address_of_another_machine_is_said_plainly(page):
    settings = Settings.model_validate(
        {"web": {"host": "192.0.2.1", "port": 0, "behind_proxy": True}}
    )

    with pytest.raises(
        NodeError, match=r"192\.0\.2\.1 is no address of this machine: see \[web\] host"
    ):
        serve(create_app(page.db, page.store, settings), settings)


def test_the_port_is_free_again_after_a_stop(page):
    settings = Settings.model_validate({"web": {"port": 0}})
    served = serve(create_app(page.db, page.store, settings), settings)
    port = int(served.url.rpartition(":")[2])
    with httpx.Client(trust_env=False) as client:
        assert 200 == client.get(f"{served.url}/health").status_code
        served.stop()

        with pytest.raises(httpx.ConnectError):
            client.get(f"{served.url}/health")
    assert not served.thread.is_alive()
    socket.create_server(("127.0.0.1", port)).close()


def test_over_tls_the_cookie_is_held_to_this_host(tmp_path, sqlite_template):
    certificate, key = _certificate(tmp_path)
    folder = tmp_path / "data"
    folder.mkdir()
    tls = ssl.create_default_context(cafile=certificate)
    with (
        a_page(folder, sqlite_template, tls_certificate=certificate, tls_key=key) as page,
        Visitor(page.url.replace("127.0.0.1", "localhost"), verify=tls) as visitor,
    ):
        page.add_account("ada", "viewer")
        token = csrf_of(visitor.get("/login").text)
        answer = visitor.post("/login", data={"csrf": token, "name": "ada", "password": PASSWORD})

        assert page.url.startswith("https://")
        assert answer.headers["set-cookie"].startswith("__Host-dicom-node=")
        assert "Secure" in answer.headers["set-cookie"]
        assert 200 == visitor.get("/studies").status_code


def test_a_certificate_that_cannot_be_used_is_said_plainly(page, tmp_path):
    certificate, key = tmp_path / "a.pem", tmp_path / "b.pem"
    certificate.write_text("no certificate")
    key.write_text("no key")
    settings = Settings.model_validate(
        {"web": {"port": 0, "tls_certificate": certificate, "tls_key": key}}
    )

    with pytest.raises(ConfigInvalid, match="tls_certificate"):
        serve(create_app(page.db, page.store, settings), settings)


def _certificate(folder):
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    subprocess.run(
        [
            program("openssl", package="openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes",
            "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=localhost",
            "-addext", "subjectAltName=DNS:localhost",
        ],
        check=True, capture_output=True,
    )  # fmt: skip
    return certificate, key
