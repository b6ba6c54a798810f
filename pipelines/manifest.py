"""What a run leaves beside its files: names, hashes, figures. It holds no patient data."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

MANIFEST_NAME = "manifest.json"
Kind = Literal[
    "enhanced", "seg", "segment", "labelmap", "sr", "pm", "gsps", "ko", "sc", "rtstruct"
]  # fmt: skip
"""What an object is: enhanced image, BINARY segmentation of all segments or of a single one,
LABELMAP segmentation, report, parametric map, presentation state, key objects, secondary capture,
RT structure set."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One produced instance; `file` is its name in the output folder.

    Attributes
    ----------
    frames : int
        Its Number of Frames; 1 of what has none.
    names : str
        Of a report, the kind of segmentation that it refers to; else empty.
    """

    file: str
    kind: Kind
    sop_uid: str
    series_uid: str
    sop_class_uid: str
    transfer_syntax_uid: str
    size: int
    sha256: str
    frames: int = 1
    names: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """The outcome of one run.

    Attributes
    ----------
    outputs : list of OutputFile
        Of a segmentation, its reports come last: one for each form in which it was written. One
        is alone where nothing was found.
    measurements : dict
        Of an enhancement: ``noise_sd_before``, ``noise_sd_after``, ``mean_shift``,
        ``edge_response``, ``max_abs_change``, ``clipped`` and ``unit``. Of a segmentation:
        ``segments``, a list of ``number``, ``label``, ``voxels``, ``ml`` (None without a place in
        the patient), ``mean`` and ``sd``, and ``phase`` where a series holds several. A figure
        that the image does not give is None.
    sources : int
        Instances read.
    conformance : dict
        What the gate found that the sources have not (ENH-29): ``objects``, ``errors`` and
        ``warnings`` as numbers, and the worst ``findings``. Empty where it was not asked.
    """

    pipeline: str
    version: str
    outputs: list[OutputFile]
    measurements: dict[str, Any]
    warnings: list[str] = field(default_factory=list)
    sources: int = 0
    seconds: float = 0.0
    conformance: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The manifest as indented JSON."""
        return json.dumps(asdict(self), sort_keys=True, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Manifest:
        """The manifest that `to_json` wrote."""
        values: dict[str, Any] = json.loads(text)
        return cls(**{**values, "outputs": [OutputFile(**each) for each in values["outputs"]]})
