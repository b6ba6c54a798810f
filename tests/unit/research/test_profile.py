"""PRV-03: the whole of PS3.15 Table E.1-1, judged by a table that the engine does not read."""

from __future__ import annotations

from io import BytesIO

import pytest
from pydicom import Dataset, dcmread

from dicom_node.config.research import ResearchSection
from dicom_node.research.deidentify import Deidentifier
from dicom_node.research.stand_ins import StandIns
from tests.builders import a_series
from tests.judges import confidentiality
from tests.unit.research.conftest import KEY

OPTIONS = [
    {},
    {"dates": "shift"},
    {"dates": "keep"},
    {"device": True},
    {"institution": True},
    {"patient_characteristics": True},
    {"uids": True},
    {"descriptors": True},
    {"dates": "shift", "device": True, "institution": True, "patient_characteristics": True,
     "descriptors": True, "safe_private": True, "structured_content": True},
]  # fmt: skip


def written(path, spared=()):
    image = a_series(slices=1)[0]
    confidentiality.fill(image, spared)
    image.preamble = b"Zzphi".ljust(128, b"\0")
    image.file_meta.SourceApplicationEntityTitle = "ZZPHI"
    image.file_meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    image.save_as(path, enforce_file_format=True)
    return path


@pytest.fixture
def filled(tmp_path):
    return written(tmp_path / "filled.dcm")


def words(options):
    return [value if name == "dates" else name for name, value in options.items()
            if (value if name == "dates" else name) in confidentiality.OPTIONS]  # fmt: skip


def made(path, options):
    return Deidentifier(ResearchSection(**options), StandIns("lung", KEY)).file(path)


def test_the_judge_has_a_canary_in_every_row_that_a_data_set_can_hold(filled):
    levels = dict(confidentiality.levels(dcmread(filled)))
    inside = [
        row for row in confidentiality.ROWS if confidentiality.tag_of(row) in levels["inside"]
    ]
    outside = [
        row for row in confidentiality.ROWS if confidentiality.tag_of(row) in levels["outside"]
    ]

    assert len(confidentiality.ROWS) == 621
    assert len(inside) == len(outside) == 617


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_no_row_is_left_as_it_was_against_the_profile(filled, options):
    before = dcmread(filled)
    after = dcmread(BytesIO(made(filled, options).content))

    assert confidentiality.left_as_they_were(before, after, words(options)) == []


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_no_byte_of_a_canary_is_in_the_file(tmp_path, options):
    filled = written(tmp_path / "filled.dcm", confidentiality.kept_by(words(options)))
    kept = {b"034711"} if options.get("dates") == "shift" else set()  # a time of a moved moment
    kept |= {b"1.2.826.0.1.4711."} if options.get("uids") else set()  # references in sequences

    content = made(filled, options).content

    assert [mark for mark in confidentiality.MARKS if mark in content and mark not in kept] == []


@pytest.mark.parametrize("options", OPTIONS[1:7], ids=str)
def test_what_an_option_keeps_is_kept(filled, options):
    before = dcmread(filled)
    after = dcmread(BytesIO(made(filled, options).content))

    assert confidentiality.lost(before, after, words(options)) == []


def test_the_input_would_fail(filled):
    before = dcmread(filled)

    assert len(confidentiality.left_as_they_were(before, before)) > 1200
    assert all(mark in filled.read_bytes() for mark in confidentiality.MARKS)


def test_the_same_file_gives_the_same_bytes(filled):
    assert made(filled, {}).content == made(filled, {}).content


def test_nothing_of_curves_and_overlays_stays(filled):
    after = dcmread(BytesIO(made(filled, {}).content))

    assert [] == [tag for tag in list(after.keys()) if tag.group >> 8 in (0x50, 0x60)]


def test_an_attribute_that_no_dictionary_knows_is_removed(deidentify):
    image = a_series(slices=1)[0]
    image.add_new(0x00180FF6, "LO", "Zzphi")

    assert 0x00180FF6 not in deidentify(image)


@pytest.mark.parametrize("vr", ["OB", "LO", "UT"])
def test_bytes_in_place_of_a_sequence_are_removed(deidentify, vr):
    image = a_series(slices=1)[0]
    image.add_new(0x52009230, vr, b"Zzphi " if vr == "OB" else "Zzphi")

    assert "PerFrameFunctionalGroupsSequence" not in deidentify(image)


def test_a_name_that_a_file_calls_a_text_is_emptied(deidentify):
    image = a_series(slices=1)[0]
    image.add_new(0x00140104, "LO", "Zzphi")  # Secondary Reviewer Name

    assert not deidentify(image)[0x00140104].value


def test_the_address_of_an_object_is_emptied_and_that_of_a_code_is_not(deidentify):
    image = a_series(slices=1)[0]
    image.RetrieveURL = "https://pacs.zzphi.example/studies/1.2.3"
    scheme = Dataset()
    scheme.CodingSchemeURL = "http://unitsofmeasure.org"
    image.CodingSchemeIdentificationSequence = [scheme]

    made = deidentify(image)

    assert not made.RetrieveURL
    assert "unitsofmeasure" in made.CodingSchemeIdentificationSequence[0].CodingSchemeURL


def test_a_name_that_the_table_does_not_list_is_emptied(deidentify):
    image = a_series(slices=1)[0]
    item = Dataset()
    item.NameOfPhysiciansReadingStudy = "Zzphi^Jane"
    item.add_new(0x00741236, "AE", "ZZPHI")
    image.SharedFunctionalGroupsSequence = [item]

    left = deidentify(image).SharedFunctionalGroupsSequence[0]

    assert "Zzphi" not in str(left)
    assert "ZZPHI" not in str(left)
