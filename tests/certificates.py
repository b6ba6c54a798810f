"""A certification authority for tests: the openssl program and a folder."""

from __future__ import annotations

import itertools
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.tools import program

CONFIGURATION = """\
[ca]
default_ca = tests
[tests]
database = {folder}/index
serial = {folder}/serial
new_certs_dir = {folder}
default_md = sha256
policy = names
unique_subject = no
copy_extensions = none
[names]
commonName = supplied
[req]
distinguished_name = nothing
[nothing]
[authority]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign
"""


@dataclass(frozen=True)
class Issued:
    """A certificate and its key, as PEM files."""

    certificate: Path
    key: Path

    def fingerprint(self) -> str:
        """As ``openssl x509 -fingerprint`` prints it: ``SHA256:AB:CD...``."""
        printed = openssl("x509", "-in", self.certificate, "-noout", "-fingerprint", "-sha256")
        return "sha256:" + printed.partition("=")[2].strip()


class Authority:
    """Signs certificates; `certificate` is its own."""

    def __init__(self, folder: Path, name: str = "Test CA") -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.certificate, self._key = folder / "ca.crt", folder / "ca.key"
        self._configuration = folder / "ca.cnf"
        self._configuration.write_text(CONFIGURATION.format(folder=folder))
        (folder / "index").touch()
        (folder / "serial").write_text("01\n")
        self._numbers = itertools.count(1)
        openssl(
            "req", "-x509", "-config", self._configuration, "-extensions", "authority",
            *NEW_KEY, self._key, "-subj", f"/CN={name}", "-days", "3650", "-out", self.certificate,
        )  # fmt: skip

    def issue(
        self, name: str, *, also: str = "", days: float = 365, extensions: str = ""
    ) -> Issued:
        """A certificate that ends so many days from now (before, if negative).

        Parameters
        ----------
        also : str
            Subject alternative names, as openssl writes them: ``DNS:a.example,URI:urn:b``.
        """
        stem = self.folder / f"{next(self._numbers)}"
        issued = Issued(stem.with_suffix(".crt"), stem.with_suffix(".key"))
        request, extra = stem.with_suffix(".csr"), stem.with_suffix(".ext")
        lines = [f"subjectAltName = {also}"] if also else []
        extra.write_text("\n".join([*lines, extensions, "basicConstraints = CA:FALSE\n"]))
        openssl(
            "req", "-new", "-config", self._configuration, *NEW_KEY, issued.key,
            "-subj", f"/CN={name}", "-out", request,
        )  # fmt: skip
        ends = datetime.now(UTC) + timedelta(days=days)
        begins = min(datetime.now(UTC), ends) - timedelta(days=1)
        openssl(
            "ca", "-batch", "-config", self._configuration, "-cert", self.certificate,
            "-keyfile", self._key, "-in", request, "-out", issued.certificate, "-notext",
            "-startdate", f"{begins:%Y%m%d%H%M%SZ}", "-enddate", f"{ends:%Y%m%d%H%M%SZ}",
            "-extfile", extra,
        )  # fmt: skip
        return issued


NEW_KEY = ("-newkey", "rsa:2048", "-nodes", "-keyout")


def openssl(*arguments: object) -> str:
    """What the program printed; it must succeed."""
    command = [program("openssl", package="openssl"), *map(str, arguments)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout
