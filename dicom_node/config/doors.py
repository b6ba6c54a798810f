"""Settings of the ways into the node beside the plain port: TLS, and further AE titles."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from dicom_node.config.section import Section
from dicom_node.config.values import AETitle, PeerName, Priority, Seconds

if TYPE_CHECKING:
    from dicom_node.config.settings import Settings


class TitleSection(Section):
    """[titles.NAME]: a further AE title of the node with a behaviour of its own."""

    ae_title: AETitle = Field(description="the AE title that peers call")
    priority: Priority = Field(
        "routine", description="priority of studies received under it, unless the peer's is higher"
    )
    settle_after_s: Seconds | None = Field(
        None, description="its own quiet time in place of the peer's and that of [receive]"
    )
    process: bool = Field(True, description="false: what it receives is stored, and no rule runs")
    destinations: list[PeerName] = Field(
        [], description="peers that get its results unless a rule says otherwise; empty: the usual"
    )


class TlsSection(Section):
    """[tls]: receiving over TLS; on when certificate is set."""

    port: int = Field(2762, ge=0, le=65535, description="TCP port; 0 takes a free one")
    certificate: Path | None = Field(None, description="PEM file with the node's certificate")
    key: Path | None = Field(None, description="PEM file with its key")
    ca: Path | None = Field(None, description="PEM file with the CAs that sign peers' certificates")
    client_certificate: Literal["required", "optional", "none"] = Field(
        "required", description="whether a peer must show a certificate"
    )
    profile: Literal["non-downgrading", "extended"] = Field(
        "non-downgrading", description="BCP 195 profile; extended: 256-bit ciphers with TLS 1.2"
    )
    handshake_timeout_s: float = Field(5.0, gt=0, description="a slower handshake is broken off")

    @model_validator(mode="after")
    def _is_complete(self) -> TlsSection:
        if bool(self.certificate) != bool(self.key):
            raise ValueError("certificate and key go together")
        if self.is_on and self.client_certificate != "none" and not self.ca:
            raise ValueError(
                "peers' certificates are checked against ca: set it, or client_certificate = "
                '"none"'
            )
        return self

    @property
    def is_on(self) -> bool:
        """Whether the node receives over TLS."""
        return self.certificate is not None


def check_doors(settings: Settings) -> None:
    """Return when titles, peers and TLS fit together; otherwise ValueError says what does not."""
    if not (settings.receive.plain or settings.tls.is_on):
        raise ValueError("[receive] plain = false leaves no port: set [tls] certificate and key")
    twice = [title for title, times in Counter(settings.own_ae_titles).items() if times > 1]
    if twice:
        raise ValueError(f"AE title {twice[0]} is given to this node twice: see [node], [titles.*]")
    for name, title in settings.titles.items():
        unknown = set(title.destinations) - set(settings.possible_destinations)
        if unknown:
            raise ValueError(
                f"[titles.{name}] destinations: {min(unknown)} is no peer with host and port"
            )
    for name, peer in settings.peers.items():
        foreign = set(peer.called_ae_titles) - set(settings.own_ae_titles)
        if foreign:
            raise ValueError(
                f"[peers.{name}] called_ae_titles: {min(foreign)} is no AE title of this node"
            )
        if peer.certificate and not (
            settings.tls.is_on and settings.tls.client_certificate != "none"
        ):
            raise ValueError(
                f"[peers.{name}] certificate: no certificate of a peer is ever asked for, see [tls]"
            )
