"""What each independent judge finds wrong in the results of one run: a list, empty where nothing.

A judge is a function of a `Run` that gives its complaints, or None where it has nothing to say
about results of this kind. To add one is to add it to `JUDGES`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pydicom

from dicom_node.jobs.address import describe_errors
from tests.acceptance import verdicts_of_masks as of_masks
from tests.acceptance.judged import Run
from tests.judges import dcm2niix, dicom3tools, dicom_validator, simpleitk


def gate(run: Run) -> list[str]:
    """The node's own: what would hold the results before a destination."""
    told = describe_errors(run.manifest.conformance)
    return [told] if told else []


def dciodvfy(run: Run) -> list[str]:
    """ENH-29: errors that the source does not have."""
    found = set(_of_pairs(run, dicom3tools.new_errors))
    for path in run.of_kind("sr"):
        found |= dicom3tools.new_errors(run.sources[:1], path)
    return sorted(found)


def dcentvfy(run: Run) -> list[str]:
    """Contradictions to the source, or among the results."""
    return sorted(dicom3tools.new_contradictions(run.sources, run.results))


def validator(run: Run) -> list[str]:
    """dicom-validator: attributes missing or not allowed that are not so in the source.

    Of a report's content items it wants every attribute that any value type has.
    """
    return _of_pairs(run, dicom_validator.new_violations)


def itk(run: Run) -> list[str] | None:
    """ITK finds an enhanced series where its source is, and an untouched one's values, too."""
    if not run.is_enhanced:
        return None
    try:
        before = simpleitk.read_series(run.sources)
    except (RuntimeError, ValueError):
        return None  # a transfer syntax or a mixture that ITK does not read
    after = simpleitk.read_series(run.of_kind("enhanced"))
    wrong = simpleitk.grid_differences(before, after)
    grey = before.GetNumberOfComponentsPerPixel() == 1
    return wrong + (simpleitk.value_differences(before, after) if run.untouched and grey else [])


def niix(run: Run) -> list[str] | None:
    """dcm2niix makes the same volumes and warns of nothing new.

    It reads a copy that names the scanner's maker, as the source does: General Equipment is ours
    (ENH-10), and without a maker that it knows dcm2niix guesses one, and says so.
    """
    if not run.is_enhanced:
        return None
    source = run.sources[0].parent
    before = dcm2niix.volume_sizes(source, run.folder / "n1")
    if not before:
        return None  # a transfer syntax that it does not read
    made = _made_by_the_scanner(run)
    after = dcm2niix.volume_sizes(made, run.folder / "n2")
    known = dcm2niix.complaints(source, run.folder / "n3")
    new = sorted(set(dcm2niix.complaints(made, run.folder / "n4")) - set(known))
    return new + ([f"volumes {after} of {before}"] if before != after else [])


def orthanc(run: Run) -> list[str]:
    """Orthanc stores every result, and shows it; an untouched one as it shows the source."""
    ids = [run.pacs.store(path) for path in run.results]
    wrong = [f"{ids.count('')} not stored"] if "" in ids else []
    for source, made in run.pairs():
        image = pydicom.dcmread(made, stop_before_pixels=True)
        picture = run.pacs.picture(run.pacs.store(made))
        # Its reader of single bits wants whole bytes in a row.
        if not picture and (int(image.BitsAllocated) > 1 or int(image.Columns) % 8 == 0):
            wrong.append("not rendered")
        original = run.pacs.picture(run.pacs.store(source)) if run.untouched else b""
        if original and picture != original:
            wrong.append("rendered otherwise than its source")
    return wrong


JUDGES: dict[str, Callable[[Run], list[str] | None]] = {
    "gate": gate,
    "dciodvfy": dciodvfy,
    "dcentvfy": dcentvfy,
    "dicom-validator": validator,
    "dcmqi": of_masks.dcmqi,
    "OHIF": of_masks.ohif,
    "dcmtk": of_masks.dcmtk,
    "pixelmed": of_masks.pixelmed,
    "tid1500reader": of_masks.tid1500reader,
    "SimpleITK": itk,
    "Orthanc": orthanc,
    "dcm2niix": niix,
}


def _of_pairs(run: Run, judge: Callable[[list[Path], Path], set[str]]) -> list[str]:
    return sorted({each for source, made in run.pairs() for each in judge([source], made)})


def _made_by_the_scanner(run: Run) -> Path:
    """A folder of the results with the source's Manufacturer."""
    folder = run.folder / "scanner"
    folder.mkdir()
    maker = pydicom.dcmread(run.sources[0], specific_tags=["Manufacturer"]).get("Manufacturer", "")
    for path in run.of_kind("enhanced"):
        image = pydicom.dcmread(path)
        image.Manufacturer = maker
        image.save_as(folder / path.name)
    return folder
