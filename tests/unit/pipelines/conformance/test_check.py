"""The gate's verdict on one object and on a run, and of a source's own faults (ENH-29)."""

from __future__ import annotations

import json
import time

import numpy as np
import pytest
from highdicom.content import AlgorithmIdentificationSequence
from highdicom.seg import Segmentation, SegmentDescription
from highdicom.sr.coding import CodedConcept
from pydicom import Dataset, dcmread
from pydicom.config import IGNORE
from pydicom.data import get_charset_files
from pydicom.dataelem import DataElement
from pydicom.uid import ImplicitVRLittleEndian

from pipelines.conformance import check, gate, read_header
from pipelines.conformance.report import MOST_TOLD, Finding, Report
from pipelines.conformance.table import plan_of
from pipelines.dicom_out import enhanced
from tests.builders import CANARY, a_series, uid, write_series
from tests.conforming import whole_series
from tests.unit.pipelines.stand_ins import a_card, run_card

LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.7"


def findings(images, folder, **more):
    path = write_series(folder, images)[0]
    return [str(found) for found in check(read_header(path), **more).findings]


def test_the_header_has_the_pixels_length_and_not_their_values(tmp_path):
    (path,) = write_series(tmp_path, a_series(slices=1))

    pixels = read_header(path).get_item(0x7FE00010, keep_deferred=True)

    assert (32 * 48 * 2, None, "OW") == (pixels.length, pixels.value, pixels.VR)


def test_implicit_vr_is_judged_by_the_dictionary(tmp_path):
    image = whole_series("CT", 1)[0]
    image.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian

    assert [] == findings([image], tmp_path)


def test_what_a_source_calls_un_is_judged_as_what_it_is(tmp_path):
    """A result names the VR; the value is as wrong in its source (ENH-29)."""
    image = whole_series("CT", 1)[0]
    image["StationName"] = DataElement(0x00081010, "UN", b"x" * 20)

    assert ["StationName is longer than the 16 characters of its VR"] == findings([image], tmp_path)


@pytest.mark.parametrize(
    "name", ["chrArab", "chrFren", "chrGerm", "chrGreek", "chrH31", "chrH32", "chrHbrw", "chrI2",
             "chrRuss", "chrX1", "chrX2"],
)  # fmt: skip
def test_names_of_every_script_are_of_their_character_set(name):
    header = read_header(get_charset_files(f"{name}.dcm")[0])

    assert not [told for told in check(header).findings if told.where == "PatientName"]


def test_an_optional_module_demands_nothing_until_a_sequence_of_it_is_there(tmp_path):
    image = whole_series("CT", 1)[0]
    image.RequestAttributesSequence = [Dataset()]
    image.RequestAttributesSequence[0].ReferencedStudySequence = [Dataset()]

    where = "RequestAttributesSequence/ReferencedStudySequence"
    assert [
        f"{where}/ReferencedSOPClassUID is absent, but it is of type 1",
        f"{where}/ReferencedSOPInstanceUID is absent, but it is of type 1",
    ] == findings([image], tmp_path)


def test_private_elements_are_no_fault(tmp_path):
    image = whole_series("CT", 1)[0]
    image.private_block(0x0009, "TEST", create=True).add_new(1, "LO", "kept")

    assert [] == findings([image], tmp_path)


def test_a_class_without_a_table_is_judged_by_its_values_and_that_is_told(tmp_path):
    image = whole_series("CT", 1)[0]
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.77.1.4"
    image["KVP"] = DataElement(0x00180060, "DS", "1" * 20, validation_mode=IGNORE)

    assert [
        "SOPClassUID has no table here, so only values are checked",
        "KVP is longer than the 16 characters of its VR",
    ] == findings([image], tmp_path)


def test_a_segmentation_may_tell_of_lossy_compression_no_more_than_its_source(tmp_path):
    manifest, made = run_card(
        a_card("above", parameters={"low": -24.0, "high": 1e9}), whole_series("CT"), tmp_path
    )
    header = read_header(made / manifest.outputs[0].file)
    header.LossyImageCompression, header.LossyImageCompressionRatio = "01", 12

    assert () == check(header).findings


def test_a_label_map_has_no_fault(tmp_path):
    labels = np.zeros((3, 32, 48), np.uint8)
    labels[:, 4:9] = 1
    finding = CodedConcept("85756007", "SCT", "Tissue")
    family = CodedConcept("123110", "DCM", "Artificial Intelligence")
    segment = SegmentDescription(
        1, "Tissue", finding, finding, "AUTOMATIC",
        AlgorithmIdentificationSequence(name="test", version="1", family=family),
    )  # fmt: skip
    made = Segmentation(
        whole_series("CT"), labels, "LABELMAP", [segment], uid("series"), 7, uid("sop"), 1,
        "Test", "Two", "1", "1", content_creator_name="Nobody",
    )  # fmt: skip

    assert LABEL_MAP == made.SOPClassUID
    assert [] == findings([made], tmp_path)


def test_a_label_map_is_a_segmentation_whose_frames_name_no_segment():
    binary, labels = plan_of("1.2.840.10008.5.1.4.1.1.66.4"), plan_of(LABEL_MAP)

    assert {"segmentation"} == {macro.name for macro in binary.macros} - {
        macro.name for macro in labels.macros
    }


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda seg: setattr(seg, "SegmentationType", "BINARY"), "SegmentationType"),
        (lambda seg: setattr(seg, "PixelData", seg.PixelData[2:]), "PixelData"),
        (lambda seg: setattr(seg.SegmentSequence[1], "SegmentNumber", 0),
         "SegmentSequence/SegmentNumber"),
        (lambda seg: delattr(seg.SegmentSequence[0], "SegmentedPropertyTypeCodeSequence"),
         "SegmentSequence/SegmentedPropertyTypeCodeSequence"),
    ],
    ids=["called BINARY", "pixels missing", "two segments of a number", "background not coded"],
)  # fmt: skip
def test_a_fault_of_a_label_map_is_found(tmp_path, change, where):
    split = {"low": -24.0, "high": 10.0}
    manifest, made = run_card(
        a_card("above", parameters=split), whole_series("CT"), tmp_path, objects=["labelmap"]
    )
    path = made / manifest.outputs[0].file
    seg = dcmread(path)
    change(seg)
    seg.save_as(path)

    assert {where} == {found.where for found in check(read_header(path)).errors}


def test_a_reference_to_what_the_object_was_not_made_from_is_an_error(tmp_path):
    manifest, made = run_card(a_card(), whole_series("CT"), tmp_path)
    header = read_header(made / manifest.outputs[0].file)
    source = str(header.SourceImageSequence[0].ReferencedSOPInstanceUID)
    ct = str(header.SOPClassUID)

    stranger = check(header, {uid("other"): ct}).errors
    other_class = check(header, {source: "1.2.840.10008.5.1.4.1.1.4"}).errors

    assert () == check(header, {source: ct}).findings
    assert ["names an instance that the object was not made from"] == [x.what for x in stranger]
    assert ["names an instance as of a class that it is not of"] == [x.what for x in other_class]


def test_enh_29_a_fault_of_the_source_is_not_the_results_also_where_it_is_copied(tmp_path):
    images = whole_series("CT")
    for image in images:
        del image.KVP
        image["StationName"] = DataElement(0x00081010, "SH", "x" * 20, validation_mode=IGNORE)
    manifest, made = run_card(a_card(), images, tmp_path)

    first = check(read_header(made / manifest.outputs[0].file))

    assert {"KVP", "ContributingEquipmentSequence/StationName"} == {x.where for x in first.errors}
    assert {"objects": 3, "errors": 0, "warnings": 0, "findings": []} == manifest.conformance


def test_enh_29_a_fault_that_the_builder_adds_is_told_in_the_manifest(tmp_path, monkeypatch):
    whole = enhanced.derive

    def broken(*arguments):
        derived = whole(*arguments)
        del derived["ImageType"]
        return derived

    monkeypatch.setattr(enhanced, "derive", broken)
    manifest, made = run_card(a_card(), whole_series("CT"), tmp_path)

    told = json.loads((made / "manifest.json").read_text())["conformance"]
    assert manifest.conformance == told
    assert {
        "objects": 3, "errors": 1, "warnings": 0,
        "findings": [{"severity": "error", "where": "ImageType",
                      "what": "is absent, but it is of type 1"}],
    } == told  # fmt: skip


def test_a_source_that_cannot_be_read_excuses_nothing(tmp_path):
    image = whole_series("CT", 1)[0]
    del image.KVP
    (path,) = write_series(tmp_path, [image])
    damaged = tmp_path / "damaged"
    damaged.write_bytes(b"no DICOM")

    assert ["KVP"] == [found.where for found in gate([path], [damaged], {}).errors]


@pytest.mark.parametrize("modality", ["CT", "MR", "PT", "CR"])
def test_no_finding_holds_a_value_of_the_patient(tmp_path, modality):
    image = whole_series(modality, 1)[0]
    for tag in list(image.keys()):
        if image[tag].VR in ("LO", "SH", "PN", "CS", "UI") and tag != 0x00080016:
            value = f"{CANARY}\n" * 20
            image[tag] = DataElement(tag, image[tag].VR, value, validation_mode=IGNORE)

    told = findings([image], tmp_path)

    assert len(told) > 10
    assert not any("Zzphi" in each for each in told)


def test_a_report_tells_the_worst_first_and_not_all():
    many = [Finding("warning", f"A{k}", "is odd") for k in range(MOST_TOLD)]
    summary = Report((*many, Finding("error", "B", "is wrong")), objects=2).summary()

    assert (2, 1, MOST_TOLD) == (summary["objects"], summary["errors"], summary["warnings"])
    assert MOST_TOLD == len(summary["findings"])
    assert {"severity": "error", "where": "B", "what": "is wrong"} == summary["findings"][0]


def test_three_hundred_images_are_judged_in_seconds(tmp_path):
    """The goal is about one; a busy machine may take some more."""
    paths = write_series(tmp_path, a_series(slices=300, rows=8, columns=8))

    begun = time.perf_counter()
    report = gate(paths, [], {})

    assert 300 == report.objects
    assert time.perf_counter() - begun < 5
