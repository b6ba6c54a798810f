"""Settings of the audit trail, and of the repositories that it is told to."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from dicom_node.config.section import Section
from dicom_node.config.values import TextValue

STANDARD_PORTS = {"tls": 6514, "udp": 514, "fhir": 443}  # RFC 5425 4.1, RFC 5426 3.3, RFC 9110


class AuditSection(Section):
    """[audit]: how the node calls itself in audit messages."""

    enterprise_site_id: TextValue = Field(
        "", max_length=64, description="AuditEnterpriseSiteID of messages; empty: none"
    )
    source_id: TextValue = Field(
        "", max_length=64, description="AuditSourceID of messages; empty: the machine's name"
    )
    alarm_after_s: float = Field(
        900.0, ge=10, description="a row that waits longer for a repository is an alarm"
    )


class RepositorySection(Section):
    """[repositories.NAME]: an audit repository that gets every row of the trail as a message."""

    host: str = Field(min_length=1, description="its address")
    port: int | None = Field(
        None, ge=1, le=65535, description="its port; none: 6514 by TLS, 514 by UDP, 443 by FHIR"
    )
    transport: Literal["tls", "udp", "fhir"] = Field(
        "tls",
        description="syslog by tls or by udp, which loses some; or fhir, by https",
    )
    ca: Path | None = Field(None, description="PEM file with the CAs that sign its certificate")
    certificate: Path | None = Field(None, description="PEM file with the certificate to show it")
    key: Path | None = Field(None, description="PEM file with its key")
    certificate_name: str = Field(
        "", description="name that its certificate must have; empty: host"
    )

    path: str = Field(
        "", pattern="^(/[A-Za-z0-9._~-]+)*$", description="of FHIR, the base path of its server"
    )

    @model_validator(mode="after")
    def _tls_is_mutual(self) -> RepositorySection:
        if self.transport != "udp" and not (self.ca and self.certificate and self.key):
            raise ValueError(
                f'transport = "{self.transport}" needs ca, certificate and key: both sides show one'
            )
        return self

    @property
    def address(self) -> tuple[str, int]:
        """Host and port with the default filled in."""
        return self.host, self.port or STANDARD_PORTS[self.transport]
