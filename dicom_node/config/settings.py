"""Every setting of the node, its default, its meaning and its bounds.

`dicom_node.config.load` reads them; ``deploy/node.example.toml`` shows them all.
"""

from __future__ import annotations

import itertools
import uuid
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from dicom_node.config.audit import AuditSection, RepositorySection
from dicom_node.config.doors import TitleSection, TlsSection, check_doors
from dicom_node.config.profiles import (
    DEFAULT_PROFILE,
    ProfileSection,
    check_profiles,
    shipped_profiles,
)
from dicom_node.config.research import ResearchSection, check_research
from dicom_node.config.section import Section
from dicom_node.config.trail import TrailSection
from dicom_node.config.values import (
    AETitle,
    CertificateName,
    Network,
    PeerName,
    Priority,
    Seconds,
    Slot,
    TextValue,
    is_loopback,
)


class NodeSection(Section):
    """[node]: who this node is."""

    ae_title: AETitle = Field("DICOM_NODE", description="the node's own Application Entity title")
    data_folder: Path = Field(
        Path("dicom-node-data"),
        description="everything the node keeps; made with mode 0700",
    )
    station_name: TextValue = Field(
        "", max_length=16, description="StationName of produced objects"
    )
    institution_name: TextValue = Field(
        "", max_length=64, description="InstitutionName in the Contributing Equipment"
    )
    time_zone: str = Field(
        "", description="IANA zone of dates the node writes, such as Europe/Berlin; empty: local"
    )

    @field_validator("time_zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        if value:
            try:
                ZoneInfo(value)
            except (ZoneInfoNotFoundError, ValueError):
                raise ValueError(f"no time zone is called {value!r}") from None
        return value


class ReceiveSection(Section):
    """[receive]: taking studies in (the Storage SCP)."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(11112, ge=0, le=65535, description="TCP port; 0 takes a free one")
    receivers: int = Field(2, ge=1, le=16, description="receiver processes that share the port")
    settle_after_s: Seconds = Field(
        30.0, description="a study is complete when this long nothing arrived"
    )
    promiscuous: bool = Field(False, description="take any AE titles from any address")
    plain: bool = Field(True, description="listen without encryption; false needs [tls]")
    max_connections: int = Field(
        256, ge=2, description="TCP connections at one time, per receiver; half of it per address"
    )
    max_associations: int = Field(64, ge=1, description="associations at one time, per receiver")
    max_associations_per_peer: int = Field(
        64, ge=1, description="associations of one peer at one time, per receiver"
    )
    max_pdu_bytes: int = Field(
        262_144, ge=4096, le=1_048_576, description="largest PDU that peers may send"
    )
    max_object_mb: int = Field(4096, ge=1, description="a larger object is refused with 0xC002")
    max_mb_per_s: float = Field(
        0.0, ge=0, allow_inf_nan=False, description="rate of one peer, per receiver; 0: no limit"
    )
    idle_timeout_s: float = Field(60.0, gt=0, description="a silent association is ended")
    stock_path: bool = Field(
        False, description="receive by pynetdicom's own path: slower, and in memory"
    )
    disk_reserve_mb: int = Field(
        2048, ge=0, description="below this much free space C-STORE answers 0xA700"
    )
    disk_pause_mb: int | None = Field(
        None,
        ge=0,
        description="below this much free space no job is started; none: halfway to the warning",
    )
    disk_warn_mb: int = Field(10_240, ge=0, description="below this much free space the page warns")

    @model_validator(mode="after")
    def _every_association_has_a_connection(self) -> ReceiveSection:
        if self.max_connections < self.max_associations:
            raise ValueError("max_connections is below max_associations, which each need one")
        return self

    @model_validator(mode="after")
    def _warns_before_it_refuses(self) -> ReceiveSection:
        if self.disk_warn_mb < self.disk_reserve_mb:
            raise ValueError(
                "disk_warn_mb is below disk_reserve_mb: the warning would come too late"
            )
        if not self.disk_reserve_mb <= self.pause_below_mb <= self.disk_warn_mb:
            raise ValueError("disk_pause_mb is not between disk_reserve_mb and disk_warn_mb")
        return self

    @property
    def pause_below_mb(self) -> int:
        """`disk_pause_mb` with the default filled in."""
        if self.disk_pause_mb is None:
            return (self.disk_reserve_mb + self.disk_warn_mb) // 2
        return self.disk_pause_mb


class PeerSection(Section):
    """[peers.NAME]: an Application Entity that the node knows; as many as there are."""

    ae_title: AETitle = Field(description="the peer's AE title")
    host: str = Field("", description="its address; needed to send to it, checked when it sends")
    port: int = Field(0, ge=0, le=65535, description="its port; needed to send to it")
    may_send: bool = Field(True, description="it may store instances on this node")
    networks: list[Network] = Field(
        [], description="networks that it may call from, in place of its host"
    )
    called_ae_titles: list[AETitle] = Field(
        [], description="AE titles of this node that it may call; empty: any of them"
    )
    certificate: CertificateName = Field(
        "", description="common name, DNS or URI name, or sha256:... of its certificate"
    )
    max_associations: int | None = Field(
        None, ge=1, description="its own in place of max_associations_per_peer"
    )
    max_object_mb: int | None = Field(
        None, ge=1, description="its own in place of that of [receive]"
    )
    max_mb_per_s: float | None = Field(
        None, ge=0, allow_inf_nan=False, description="its own in place of that of [receive]"
    )
    idle_timeout_s: float | None = Field(
        None, gt=0, description="its own in place of that of [receive]"
    )
    is_destination: bool = Field(False, description="results go to it unless a rule says otherwise")
    conformance: Literal["block", "warn", "off"] = Field(
        "block", description="hold results with an error of their own against the standard"
    )
    profile: str = Field(
        DEFAULT_PROFILE, description="what it takes of the results: a shipped profile, or your own"
    )
    research: str = Field(
        "",
        description="a project of [research]: what goes to it is de-identified; empty: nothing is",
    )
    settle_after_s: Seconds | None = Field(
        None, description="its own quiet time in place of that of [receive]"
    )
    priority: Priority = Field("routine", description="priority of studies that it sends")

    @model_validator(mode="after")
    def _destination_is_reachable(self) -> PeerSection:
        if self.is_destination and not (self.host and self.port):
            raise ValueError("a destination needs host and port")
        return self


class DeliverSection(Section):
    """[deliver]: sending results."""

    first_retry_s: float = Field(30.0, gt=0, description="pause before the second try; it doubles")
    longest_retry_s: float = Field(3600.0, gt=0, description="the pause never grows beyond this")
    give_up_after_hours: float = Field(72.0, gt=0, description="then the delivery is failed")
    timeout_s: float = Field(30.0, gt=0, description="wait for a peer's answer")

    @model_validator(mode="after")
    def _pause_can_grow(self) -> DeliverSection:
        if self.longest_retry_s < self.first_retry_s:
            raise ValueError("longest_retry_s is shorter than first_retry_s")
        return self


class DatabaseSection(Section):
    """[database]: where rows are kept."""

    url: str = Field(
        "", description="SQLAlchemy address; empty: SQLite file node.db in the data folder"
    )

    @field_validator("url")
    @classmethod
    def _is_a_database_we_speak(cls, value: str) -> str:
        # The address may hold a password: the message does not repeat it.
        if value and not value.startswith(("sqlite:///", "postgresql+psycopg://")):
            raise ValueError("write sqlite:///FILE or postgresql+psycopg://USER@HOST/DATABASE")
        return value


class JobsSection(Section):
    """[jobs]: running pipelines."""

    slots: list[Slot] = Field(
        ["auto"],
        min_length=1,
        description='a warm process each: "cpu", "cuda:0"; "auto": one per GPU or one CPU',
    )
    max_attempts: int = Field(3, ge=1, description="tries before a job is failed")
    retry_after_s: list[Seconds] = Field(
        [30.0, 300.0], min_length=1, description="pause before each further try"
    )
    timeout_s: float = Field(1800.0, gt=0, description="a job that runs longer is killed")

    @field_validator("slots")
    @classmethod
    def _auto_stands_alone(cls, value: list[str]) -> list[str]:
        if "auto" in value and len(value) > 1:
            raise ValueError('"auto" stands alone')
        return value


class ResultsSection(Section):
    """[results]: the objects the node makes."""

    series_number_base: int = Field(
        9000,
        ge=0,
        le=1_000_000_000,
        description="SeriesNumber = base + source number, moved up while taken",
    )
    image_type_2: Literal["SECONDARY", "SOURCE"] = Field(
        "SECONDARY", description="ImageType value 2 of enhanced images; PET keeps PRIMARY"
    )
    research_use: bool = Field(True, description="mark results as not for diagnosis")
    uid_namespace: str = Field(
        "", description="UUID that keeps this site's result UIDs apart; empty: the product's"
    )

    @field_validator("uid_namespace")
    @classmethod
    def _is_a_uuid(cls, value: str) -> str:
        try:
            return str(uuid.UUID(value)) if value else value
        except ValueError:
            raise ValueError("not a UUID such as 6ba7b811-9dad-11d1-80b4-00c04fd430c8") from None


class RulesSection(Section):
    """[rules]: which series goes through which pipeline."""

    folder: Path | None = Field(None, description="folder of *.yaml in place of the shipped rules")


class WebSection(Section):
    """[web]: the admin page."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8180, ge=0, le=65535, description="TCP port; 0 takes a free one")
    tls_certificate: Path | None = Field(None, description="PEM file; with tls_key: serves https")
    tls_key: Path | None = Field(None, description="PEM file")
    behind_proxy: bool = Field(False, description="a proxy in front of the page does the TLS")
    session_minutes: int = Field(30, ge=1, description="a silent session is logged out")

    @model_validator(mode="after")
    def _certificate_has_its_key(self) -> WebSection:
        if bool(self.tls_certificate) != bool(self.tls_key):
            raise ValueError("tls_certificate and tls_key go together")
        return self


class LogSection(Section):
    """[log]: the node's own log; it never holds patient data."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="least severity"
    )
    format: Literal["text", "json"] = Field("text", description="lines for people or for machines")


class Settings(Section):
    """All settings of one node."""

    node: NodeSection = NodeSection()
    receive: ReceiveSection = ReceiveSection()
    peers: dict[PeerName, PeerSection] = Field({})
    profiles: dict[PeerName, ProfileSection] = Field({})
    research: dict[PeerName, ResearchSection] = Field({})
    titles: dict[PeerName, TitleSection] = Field({})
    tls: TlsSection = TlsSection()
    deliver: DeliverSection = DeliverSection()
    database: DatabaseSection = DatabaseSection()
    jobs: JobsSection = JobsSection()
    results: ResultsSection = ResultsSection()
    rules: RulesSection = RulesSection()
    web: WebSection = WebSection()
    log: LogSection = LogSection()
    audit: AuditSection = AuditSection()
    repositories: dict[PeerName, RepositorySection] = Field({})
    trail: TrailSection = TrailSection()

    @model_validator(mode="after")
    def _open_addresses_are_guarded(self) -> Settings:
        if not is_loopback(self.receive.host) and not (self.peers or self.receive.promiscuous):
            raise ValueError(
                f"[receive] host = {self.receive.host!r} is open to the network: "
                "name the peers that may send ([peers.NAME]), or say promiscuous = true"
            )
        if not is_loopback(self.web.host) and not (self.web.tls_key or self.web.behind_proxy):
            raise ValueError(
                f"[web] host = {self.web.host!r} is open to the network: "
                "set tls_certificate and tls_key, or behind_proxy = true"
            )
        return self

    @model_validator(mode="after")
    def _ports_differ(self) -> Settings:
        wanted = {"receive": self.receive.port, "tls": self.tls.port, "web": self.web.port}
        if not self.tls.is_on:
            del wanted["tls"]
        for (first, port), (second, other) in itertools.combinations(wanted.items(), 2):
            if port and port == other:
                raise ValueError(f"[{first}] and [{second}] both want port {port}")
        return self

    @model_validator(mode="after")
    def _doors_fit_together(self) -> Settings:
        check_doors(self)
        return self

    @model_validator(mode="after")
    def _profiles_are_known(self) -> Settings:
        check_profiles(self)
        return self

    @model_validator(mode="after")
    def _projects_are_known(self) -> Settings:
        check_research(self)
        return self

    @property
    def accepts_anyone(self) -> bool:
        """True while any AE titles are taken: when said, or on loopback while no peer is named."""
        return self.receive.promiscuous or (is_loopback(self.receive.host) and not self.peers)

    @property
    def own_ae_titles(self) -> list[str]:
        """Every AE title by which the node may be called; the main one comes first."""
        return [self.node.ae_title, *(title.ae_title for title in self.titles.values())]

    @property
    def database_url(self) -> str:
        """The database address with the default filled in."""
        return self.database.url or f"sqlite:///{self.node.data_folder.absolute() / 'node.db'}"

    @property
    def database_file(self) -> Path | None:
        """The SQLite file, or None where a server keeps the rows."""
        kind, _, rest = self.database_url.partition(":///")
        return Path(rest.partition("?")[0]) if kind == "sqlite" else None

    @property
    def store_folder(self) -> Path:
        """Where received and produced files lie."""
        return self.node.data_folder / "store"

    @property
    def keys_folder(self) -> Path:
        """Where the keys of research projects lie that have no file of their own."""
        return self.node.data_folder / "research"

    @property
    def work_folder(self) -> Path:
        """Private output folders of running jobs; same file system as the store."""
        return self.node.data_folder / "work"

    @property
    def default_destinations(self) -> list[str]:
        """Names of the peers that get results when a rule names none."""
        return [name for name, peer in self.peers.items() if peer.is_destination]

    @property
    def possible_destinations(self) -> list[str]:
        """Names of the peers that a rule may deliver to: those with an address."""
        return [name for name, peer in self.peers.items() if peer.host and peer.port]

    def profile(self, name: str) -> ProfileSection:
        """The profile of that name: the site's own or, without one, the shipped one."""
        return self.profiles.get(name) or shipped_profiles()[name]

    def profile_of(self, destination: str) -> ProfileSection:
        """What the destination takes; the default where the settings do not name it (any more)."""
        peer = self.peers.get(destination)
        return self.profile(peer.profile if peer else DEFAULT_PROFILE)
