"""What dcmqi, the reader of the ITK world, makes of a segmentation and of its report."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import SimpleITK as sitk


class ItkSegment(NamedTuple):
    """One segment as an ITK image of zeros and its number."""

    label: str
    type_code: str
    image: sitk.Image


def read_segments(seg: Path, folder: Path) -> list[ItkSegment]:
    """Every segment of the SEG file, by ``segimage2itkimage``.

    It gives an image for each BINARY segment, and one image of all numbers for a label map.
    """
    folder.mkdir(parents=True, exist_ok=True)
    command = [Path(sys.executable).with_name("segimage2itkimage"), "--inputDICOM", seg,
               "--outputDirectory", folder, "--outputType", "nrrd", "--prefix", "s"]  # fmt: skip
    done = subprocess.run(map(str, command), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    told = json.loads((folder / "s-meta.json").read_text())
    found = {}
    for group in told["segmentAttributes"]:
        image = sitk.ReadImage(str(folder / f"s-{group[0]['labelID']}.nrrd"))
        for item in group:
            number = item["labelID"]
            found[number] = ItkSegment(
                item["SegmentLabel"],
                item["SegmentedPropertyTypeCodeSequence"]["CodeValue"],
                image if len(group) == 1 else image == number,
            )
    return [found[number] for number in sorted(found)]


class ReportedGroup(NamedTuple):
    """One measurement group; values by the code of the quantity and of its derivation.

    `finding` is empty where nothing was found.
    """

    finding: str
    laterality: str
    tracking_uid: str
    segment: int | None
    seg_uid: str
    values: dict[tuple[str, str], float]
    units: dict[str, str]


def read_report(sr: Path, folder: Path) -> list[ReportedGroup]:
    """Every measurement group of the TID 1500 report, by ``tid1500reader``."""
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "report.json"
    reader = Path(sys.executable).with_name("tid1500reader")
    command = [reader, "--inputDICOM", sr, "--outputMetadata", told]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return [_group(found) for found in json.loads(told.read_text()).get("Measurements", [])]


def _group(found: dict[str, Any]) -> ReportedGroup:
    items = found.get("measurementItems") or []
    return ReportedGroup(
        finding=found.get("Finding", {}).get("CodeValue", ""),
        laterality=found.get("Laterality", {}).get("CodeValue", ""),
        tracking_uid=found["TrackingUniqueIdentifier"],
        segment=found.get("ReferencedSegment"),
        seg_uid=found.get("segmentationSOPInstanceUID", ""),
        values={
            (
                item["quantity"]["CodeValue"],
                item.get("derivationModifier", {}).get("CodeValue", ""),
            ): float(item["value"])
            for item in items
        },
        units={item["quantity"]["CodeValue"]: item["units"]["CodeValue"] for item in items},
    )
