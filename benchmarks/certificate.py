"""A certificate that signs itself, for a node that is to be measured with TLS."""

from __future__ import annotations

import subprocess
from pathlib import Path

from benchmarks.programs import program
from dicom_node.config import Settings


def tls_settings(folder: Path) -> dict[str, str]:
    """The node's TLS settings but for the port, as in the environment; empty where it has none."""
    if "tls" not in Settings.model_fields:
        return {}
    folder.mkdir(parents=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [
        program("openssl"), "req", "-x509", "-nodes", "-newkey", "ec",
        "-pkeyopt", "ec_paramgen_curve:P-256", "-days", "60", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", str(key), "-out", str(certificate),
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    key.chmod(0o600)
    return {
        "TLS__CERTIFICATE": str(certificate),
        "TLS__KEY": str(key),
        "TLS__CA": str(certificate),
    }
