"""What a slot's child is asked to do, as a value that survives JSON."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from pipelines.manifest import Kind


@dataclass(frozen=True, slots=True)
class Equipment:
    """Who made the results (PS3.3 C.7.5.1): this node, not the scanner (ENH-10)."""

    manufacturer: str = "dicom-node"
    model: str = "dicom-node"
    software_version: str = ""
    device_uid: str = ""
    serial: str = ""
    station_name: str = ""
    institution_name: str = ""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """One pipeline on the instances of one series.

    Attributes
    ----------
    pipeline : str
        Name of a model card.
    parameters : dict
        Overlays the card's defaults.
    inputs : list of str
        Paths of the series' instances, in any order.
    output_folder : str
        An existing folder that only this run writes to.
    device : str
        ``"cpu"`` or ``"cuda:N"``.
    created_at : str
        ISO 8601 with offset. The only clock of the run: the same request gives the same bytes.
    series_number_base, taken_series_numbers
        SeriesNumber of a result is base + source number, moved up while taken (ENH-03).
    image_type_2 : str
        ``"SECONDARY"``, or ``"SOURCE"`` to keep the source's ImageType value 2 (ENH-06).
    research_use : bool
        Results say that they are not for diagnosis.
    uid_namespace : str
        UUID that keeps a site's result UIDs apart; empty for the product's.
    time_zone : str
        IANA zone of written dates where the source names no offset; empty for the local zone.
    replaces_series_uid : str
        The result of an earlier revision that this one stands in for.
    objects : list of Kind
        What somebody wants of the run; what its pipeline cannot give is left out.
    max_frames : int
        Somebody takes no BINARY segmentation of more frames than this: such a one is written
        segment by segment, too. 0 where all take any.
    """

    pipeline: str
    inputs: list[str]
    output_folder: str
    created_at: str
    parameters: dict[str, float | int | str | bool] = field(default_factory=dict)
    device: str = "cpu"
    equipment: Equipment = field(default_factory=Equipment)
    series_number_base: int = 9000
    image_type_2: Literal["SECONDARY", "SOURCE"] = "SECONDARY"
    research_use: bool = True
    uid_namespace: str = ""
    time_zone: str = ""
    replaces_series_uid: str = ""
    taken_series_numbers: list[int] = field(default_factory=list)
    objects: list[Kind] = field(default_factory=lambda: ["enhanced", "seg", "sr"])
    max_frames: int = 0

    def to_json(self) -> str:
        """The request as one line of JSON."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> RunRequest:
        """The request that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        return cls(**{**values, "equipment": Equipment(**values.get("equipment", {}))})
