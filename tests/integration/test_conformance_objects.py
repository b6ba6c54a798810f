"""docs/conformance.md is true of the objects that are made: pipelines run against its tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.datadict import dictionary_description, keyword_for_tag
from pydicom.tag import Tag
from pydicom.uid import UID, Comprehensive3DSRStorage, SegmentationStorage
from pynetdicom import AllStoragePresentationContexts

from pipelines.dicom_in.instances import refuse_foreign
from pipelines.dicom_out import attributes
from pipelines.errors import PipelineRefused
from pipelines.request import Equipment
from tests.builders import a_series, an_image
from tests.multi_frame import an_enhanced
from tests.statement import STATEMENT, column, table
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card
from tests.unit.pipelines.ultrasound import a_grey_loop

MODALITY = {
    "1.2.840.10008.5.1.4.1.1.1": "CR",
    "1.2.840.10008.5.1.4.1.1.1.1": "DX",
    "1.2.840.10008.5.1.4.1.1.1.2": "MG",
    "1.2.840.10008.5.1.4.1.1.3.1": "US",
    "1.2.840.10008.5.1.4.1.1.6.1": "US",
    "1.2.840.10008.5.1.4.1.1.4": "MR",
    "1.2.840.10008.5.1.4.1.1.20": "NM",
    "1.2.840.10008.5.1.4.1.1.128": "PT",
}
ENHANCED = [row["UID"] for row in table("A-2") if row["Object"] == "enhanced image"]
MULTI_FRAME = {row["UID"]: row["SOP class"].split()[1] for row in table("A-2")
               if row["Object"] == "enhanced multi-frame image"}  # fmt: skip
INSTALLED = Equipment(
    software_version="9.9", device_uid="2.25.77", serial="S1", station_name="NODE1",
    institution_name="Our Hospital",
)  # fmt: skip
PIXELS = np.arange(1024, dtype=np.int16).reshape(1, 32, 32)


def keywords(number: str, presence: str = "") -> set[str]:
    """The attributes of a table; their names and tags are those of the dictionary."""
    rows = [row for row in table(number) if not presence or row["Presence"] == presence]
    found = {keyword_for_tag(Tag(*row["Tag"].strip("()").split(","))) for row in rows}
    for row in rows:
        assert row["Attribute"] == dictionary_description(Tag(*row["Tag"].strip("()").split(",")))
    return found


def an_instance(sop_class: str) -> Dataset:
    """An image of the class, by builders that know its modality."""
    modality = MODALITY.get(sop_class, "CT")
    known = modality if modality not in ("DX", "MG") else "CR"
    image = an_image(known, 0, PIXELS[0], SOPClassUID=sop_class, Modality=modality)
    image.file_meta.MediaStorageSOPClassUID = sop_class
    if "Processing" in UID(sop_class).name:
        image.PresentationIntentType = "FOR PROCESSING"
    return image


def is_taken(sop_class: str) -> bool:
    try:
        refuse_foreign(an_instance(sop_class))
    except PipelineRefused:
        return False
    return True


def enhanced(folder: Path, image: Dataset, **changes: Any) -> Dataset:
    (output,), results = outputs(folder, frames_card("add"), [image], **changes)
    return pydicom.dcmread(results / output.file)


def outputs(folder: Path, card: Any, images: list[Dataset], **changes: Any) -> tuple[Any, Path]:
    manifest, results = run_card(card, images, folder, **{"equipment": INSTALLED, **changes})
    return manifest.outputs, results


def test_enhanced_images_are_made_of_the_classes_that_are_said_and_no_others():
    known = [str(one.abstract_syntax) for one in AllStoragePresentationContexts]

    assert {*ENHANCED, *MULTI_FRAME} == {uid for uid in known if is_taken(uid)}


@pytest.mark.parametrize("sop_class", ENHANCED, ids=lambda uid: UID(uid).keyword)
def test_an_enhanced_image_is_of_its_source_s_class_and_differs_as_is_said(tmp_path, sop_class):
    source = an_instance(sop_class)
    made = enhanced(tmp_path, source)
    changed = {element.keyword for element in made if source.get(element.tag) != element}

    assert sop_class == made.SOPClassUID
    assert set() == changed - keywords("A-3")
    assert set() == keywords("A-3", "ALWAYS") - set(made.dir())
    gone = {element.keyword for element in source} - {element.keyword for element in made}
    assert set() == gone - keywords("A-4")


@pytest.mark.parametrize("sop_class", MULTI_FRAME, ids=lambda uid: UID(uid).keyword)
def test_an_enhanced_object_differs_from_its_source_as_is_said(tmp_path, sop_class):
    source = an_enhanced(
        MULTI_FRAME[sop_class], PulseSequenceName="gre", DerivationDescription="before"
    )
    (output,), results = outputs(tmp_path, a_card("add"), [source])
    made = pydicom.dcmread(results / output.file)
    changed = {element.keyword for element in made if source.get(element.tag) != element}
    gone = {element.keyword for element in source} - {element.keyword for element in made}

    assert sop_class == made.SOPClassUID
    said = keywords("A-3") | keywords("A-10")
    kept = {row["Attribute"] for row in table("A-10") if row["Value"] == "the source's"}
    assert set() == changed - said
    assert set() == {dictionary_description(word) for word in changed} & kept
    assert set() == keywords("A-10", "ALWAYS") - set(made.dir())
    assert set() == gone - keywords("A-4") - keywords("A-11")
    pairs = [(source.SharedFunctionalGroupsSequence[0], made.SharedFunctionalGroupsSequence[0])]
    pairs += zip(
        source.PerFrameFunctionalGroupsSequence, made.PerFrameFunctionalGroupsSequence, strict=True
    )
    for before, after in pairs:
        groups = {element.keyword for element in after if before.get(element.tag) != element}
        assert set() == groups - keywords("A-12")


def test_what_is_set_and_left_out_is_what_the_writers_name():
    replaced = {word for words in attributes.REPLACED.values() for word in words}
    by_value = {
        "SpecificCharacterSet", "InstitutionName", "PixelData", "SamplesPerPixel",
        "PhotometricInterpretation", "PlanarConfiguration", "LossyImageCompression",
        "LossyImageCompressionRatio", "LossyImageCompressionMethod",
    }  # fmt: skip
    dropped = {word: rule for rule, words in attributes.DROPPED.items() for word in words}

    assert replaced | by_value == keywords("A-3")
    assert set(dropped) == keywords("A-4")
    assert set(attributes.PULSE_SEQUENCE) == keywords("A-11")
    assert list(dropped.values()) == column("A-4", "Rule")
    assert set(attributes.EQUIPMENT_KEPT) == keywords("A-6")
    assert set(attributes.STUDY_KEPT) == keywords("A-7")


def test_pet_keeps_its_series_time_as_is_said(tmp_path):
    source = an_instance("1.2.840.10008.5.1.4.1.1.128")
    made = enhanced(tmp_path, source)

    assert (source.SeriesDate, source.SeriesTime) == (made.SeriesDate, made.SeriesTime)


def made(folder: Path, **changes: Any) -> Iterator[tuple[str, Dataset]]:
    """Kind and data set of what a volume, a lossy radiograph, and a loop give."""
    split = {"low": -24.0, "high": 10.0}
    radiograph = an_instance("1.2.840.10008.5.1.4.1.1.1")
    radiograph.LossyImageCompression = "01"
    radiograph.LossyImageCompressionRatio = "10"
    radiograph.LossyImageCompressionMethod = "ISO_15444_1"
    private = {"value": "X", "scheme": "99DICOMNODE", "meaning": "Something"}
    coded = a_card("above").segments[0].model_dump() | {"type": private}
    for number, (card, images) in enumerate(
        [
            (a_card("above", parameters=split), a_series()),
            (frames_card("above", segments=[coded]), [radiograph]),
            (frames_card("above"), [a_grey_loop()]),
        ]
    ):
        written, results = outputs(folder / str(number), card, images, **changes)
        assert written
        yield from ((one.kind, pydicom.dcmread(results / one.file)) for one in written)


@pytest.mark.parametrize(
    ("kind", "sop_class", "number"),
    [("seg", SegmentationStorage, "A-5"), ("sr", Comprehensive3DSRStorage, "A-8")],
)
def test_what_a_segmentation_run_makes_has_the_attributes_that_are_said(
    tmp_path, kind, sop_class, number
):
    seen: set[str] = set()
    for each in (dataset for found, dataset in made(tmp_path) if found == kind):
        assert sop_class == each.SOPClassUID
        present = {element.keyword for element in each}
        assert set() == keywords(number, "ALWAYS") - present
        seen |= present - keywords("A-7")

    assert keywords(number) == seen


def test_a_label_map_differs_from_a_segmentation_as_is_said(tmp_path):
    """Beside the values that differ from object to object by the same rule."""
    by_one_rule = {
        "SOPInstanceUID", "SeriesInstanceUID", "DimensionOrganizationSequence", "NumberOfFrames",
        "SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence",
    }  # fmt: skip
    seen: set[str] = set()
    both = [
        [each for _kind, each in made(tmp_path / kind, objects=[kind])]
        for kind in ("seg", "labelmap")
    ]
    for binary, label_map in zip(*both, strict=True):
        assert set(binary.dir()) <= set(label_map.dir())
        assert set() == keywords("A-9", "ALWAYS") - set(label_map.dir())
        seen |= {one.keyword for one in label_map if binary.get(one.tag) != one}

    assert keywords("A-9") == seen - by_one_rule
    fixed = {row["Attribute"]: row["Value"] for row in table("A-9") if row["Source"] == "FIXED"}
    for name, value in fixed.items():
        assert value == str(label_map[keyword_for_tag(tag_of("A-9", name))].value)


def tag_of(number: str, attribute: str) -> Tag:
    (row,) = [row for row in table(number) if row["Attribute"] == attribute]
    return Tag(*row["Tag"].strip("()").split(","))


def test_of_patient_and_study_a_report_leaves_out_what_is_said(tmp_path):
    left_out = {"BodyPartExamined": "BREAST", "Laterality": "L", "RequestAttributesSequence": []}
    images = a_series(PatientAge="044Y", **left_out)
    written, results = outputs(tmp_path, a_card("above"), images)
    seg, report = (pydicom.dcmread(results / one.file) for one in written)
    said = STATEMENT.read_text(encoding="utf-8")

    assert "without Request Attributes Sequence, Body Part Examined and Laterality." in said
    assert left_out == {keyword: seg.get(keyword) for keyword in left_out}
    assert set() == set(left_out) & set(report.dir())
    assert "044Y" == seg.PatientAge == report.PatientAge
