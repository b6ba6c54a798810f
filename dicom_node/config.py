"""Every setting of the node, its default and its meaning.

Read from a TOML file and from the environment (``DICOM_NODE_RECEIVE__PORT=11112``); a setting that
does not exist is an error that names the nearest one. ``deploy/node.example.toml`` shows them all.
"""

from __future__ import annotations

import difflib
import ipaddress
import os
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from dicom_node.errors import ConfigInvalid

ENVIRONMENT_PREFIX = "DICOM_NODE_"
PRIORITIES = {"routine": 0, "urgent": 50, "stat": 100}


def _ae_title(value: str) -> str:
    if not 1 <= len(value.strip()) <= 16 or "\\" in value or not value.isprintable():
        raise ValueError("an AE title has 1 to 16 printable characters and no backslash")
    return value.strip()


AETitle = Annotated[str, AfterValidator(_ae_title)]
Priority = Literal["routine", "urgent", "stat"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class NodeSection(_Section):
    """[node]: who this node is."""

    ae_title: AETitle = Field("DICOM_NODE", description="the node's own Application Entity title")
    data_folder: Path = Field(
        Path("dicom-node-data"),
        description="everything the node keeps; made with mode 0700",
    )
    station_name: str = Field("", max_length=16, description="StationName of produced objects")
    institution_name: str = Field("", description="InstitutionName in the Contributing Equipment")
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


class ReceiveSection(_Section):
    """[receive]: the Storage SCP."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(11112, ge=0, le=65535, description="TCP port; 0 takes a free one")
    receivers: int = Field(1, ge=1, le=16, description="receiver processes that share the port")
    settle_after_s: float = Field(
        30.0, ge=0, description="a study is complete when this long nothing arrived"
    )
    max_associations: int = Field(64, ge=1, description="associations at one time, per receiver")
    max_pdu_bytes: int = Field(262_144, ge=4096, description="largest PDU that peers may send")
    idle_timeout_s: float = Field(60.0, gt=0, description="a silent association is ended")
    disk_reserve_mb: int = Field(
        2048, ge=0, description="below this much free space C-STORE answers 0xA700"
    )
    disk_warn_mb: int = Field(10_240, ge=0, description="below this much free space the page warns")


class PeerSection(_Section):
    """[peers.NAME]: an Application Entity that the node knows."""

    ae_title: AETitle = Field(description="the peer's AE title")
    host: str = Field("", description="its address; needed to send to it, checked when it sends")
    port: int = Field(0, ge=0, le=65535, description="its port; needed to send to it")
    may_send: bool = Field(True, description="it may store instances on this node")
    is_destination: bool = Field(False, description="results go to it unless a rule says otherwise")
    settle_after_s: float | None = Field(None, ge=0, description="overrides [receive]")
    priority: Priority = Field("routine", description="priority of studies that it sends")

    @model_validator(mode="after")
    def _destination_is_reachable(self) -> PeerSection:
        if self.is_destination and not (self.host and self.port):
            raise ValueError("a destination needs host and port")
        return self


class DeliverSection(_Section):
    """[deliver]: sending results."""

    first_retry_s: float = Field(30.0, gt=0, description="pause before the second try; it doubles")
    longest_retry_s: float = Field(3600.0, gt=0, description="the pause never grows beyond this")
    give_up_after_hours: float = Field(72.0, gt=0, description="then the delivery is failed")
    timeout_s: float = Field(30.0, gt=0, description="wait for a peer's answer")


class DatabaseSection(_Section):
    """[database]: where rows are kept."""

    url: str = Field(
        "", description="SQLAlchemy address; empty: SQLite file node.db in the data folder"
    )


class JobsSection(_Section):
    """[jobs]: running pipelines."""

    slots: list[str] = Field(
        ["auto"],
        min_length=1,
        description='one warm process each: "cpu", "cuda:0", ...; "auto": one per GPU, else one CPU',
    )
    max_attempts: int = Field(3, ge=1, description="tries before a job is failed")
    retry_after_s: list[float] = Field(
        [30.0, 300.0], min_length=1, description="pause before each further try"
    )
    timeout_s: float = Field(1800.0, gt=0, description="a job that runs longer is killed")


class ResultsSection(_Section):
    """[results]: the objects the node makes."""

    series_number_base: int = Field(
        9000, ge=0, description="SeriesNumber = base + source number, moved up while taken"
    )
    image_type_2: Literal["SECONDARY", "SOURCE"] = Field(
        "SECONDARY", description="ImageType value 2 of enhanced images; PET keeps PRIMARY"
    )
    research_use: bool = Field(True, description="mark results as not for diagnosis")
    uid_namespace: str = Field(
        "", description="UUID that keeps this site's result UIDs apart; empty: the product's"
    )


class RulesSection(_Section):
    """[rules]: which series goes through which pipeline."""

    folder: Path | None = Field(None, description="folder of *.yaml; none: the shipped rules")


class WebSection(_Section):
    """[web]: the admin page."""

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(8180, ge=0, le=65535, description="TCP port; 0 takes a free one")
    tls_certificate: Path | None = Field(None, description="PEM file; with tls_key: serves https")
    tls_key: Path | None = Field(None, description="PEM file")
    behind_proxy: bool = Field(False, description="a proxy in front of the page does the TLS")
    session_minutes: int = Field(30, ge=1, description="a silent session is logged out")


class LogSection(_Section):
    """[log]: the node's own log; it never holds patient data."""

    level: Literal["debug", "info", "warning", "error"] = Field("info", description="least severity")
    format: Literal["text", "json"] = Field("text", description="lines for people or for machines")


class Settings(_Section):
    """All settings of one node."""

    node: NodeSection = NodeSection()
    receive: ReceiveSection = ReceiveSection()
    peers: dict[str, PeerSection] = {}
    deliver: DeliverSection = DeliverSection()
    database: DatabaseSection = DatabaseSection()
    jobs: JobsSection = JobsSection()
    results: ResultsSection = ResultsSection()
    rules: RulesSection = RulesSection()
    web: WebSection = WebSection()
    log: LogSection = LogSection()

    @model_validator(mode="after")
    def _open_addresses_are_guarded(self) -> Settings:
        if not is_loopback(self.receive.host) and not self.peers:
            raise ValueError(
                f"[receive] host = {self.receive.host!r} is open to the network: "
                "name the peers that may send ([peers.NAME])"
            )
        has_tls = self.web.tls_certificate and self.web.tls_key
        if not is_loopback(self.web.host) and not (has_tls or self.web.behind_proxy):
            raise ValueError(
                f"[web] host = {self.web.host!r} is open to the network: "
                "set tls_certificate and tls_key, or behind_proxy = true"
            )
        return self

    @property
    def accepts_anyone(self) -> bool:
        """True while any calling and called AE title is taken: only on loopback without peers."""
        return is_loopback(self.receive.host) and not self.peers

    @property
    def database_url(self) -> str:
        """The database address with the default filled in."""
        return self.database.url or f"sqlite:///{self.node.data_folder.absolute() / 'node.db'}"

    @property
    def store_folder(self) -> Path:
        """Where received and produced files lie."""
        return self.node.data_folder / "store"

    @property
    def work_folder(self) -> Path:
        """Private output folders of running jobs; same file system as the store."""
        return self.node.data_folder / "work"

    @property
    def default_destinations(self) -> list[str]:
        """Names of the peers that get results when a rule names none."""
        return [name for name, peer in self.peers.items() if peer.is_destination]


def is_loopback(host: str) -> bool:
    """Tell whether only this machine can reach `host`."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def load_settings(path: Path | None = None) -> Settings:
    """Settings from `path` (or defaults) with the environment on top.

    Raises
    ------
    ConfigInvalid
        With one line for every setting that is wrong.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigInvalid(f"{path}: {error.strerror}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigInvalid(f"{path}: not TOML: {error}") from None
    _overlay_environment(values)
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        where = f"{path}: " if path else ""
        raise ConfigInvalid("\n".join(where + line for line in _explain(error))) from None


def _overlay_environment(values: dict[str, Any]) -> None:
    for name, value in os.environ.items():
        if not name.startswith(ENVIRONMENT_PREFIX) or "__" not in name:
            continue
        section, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().split("__", 1)
        try:
            parsed = tomllib.loads(f"x = {value}")["x"]
        except tomllib.TOMLDecodeError:
            parsed = value
        values.setdefault(section, {})[key] = parsed


def _explain(error: ValidationError) -> list[str]:
    lines = []
    for problem in error.errors():
        where = [str(part) for part in problem["loc"]]
        if problem["type"] == "extra_forbidden":
            lines.append(f"{_dotted(where)}: no such setting{_nearest(where)}")
        else:
            message = problem["msg"].removeprefix("Value error, ")
            lines.append(f"{_dotted(where)}: {message}" if where else message)
    return lines


def _dotted(where: list[str]) -> str:
    return where[0] if len(where) == 1 else f"[{'.'.join(where[:-1])}] {where[-1]}"


def _nearest(where: list[str]) -> str:
    model: type[BaseModel] = Settings
    for part in where[:-1]:
        field = model.model_fields.get(part)
        if field is None:
            continue  # a peer's name
        kind = get_args(field.annotation)[-1] if get_origin(field.annotation) else field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            model = kind
    found = difflib.get_close_matches(where[-1], model.model_fields, n=1, cutoff=0.5)
    return f"; did you mean {found[0]}?" if found else ""
