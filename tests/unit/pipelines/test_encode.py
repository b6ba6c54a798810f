"""Our encoder and pydicom's give the same bytes, and the file tells its own hash."""

from __future__ import annotations

import hashlib
from copy import deepcopy
from io import BytesIO
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.data import get_testdata_file
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.tag import Tag

from pipelines.dicom_out.encode import BULK, encoded
from pipelines.dicom_out.files import write
from pipelines.verbatim import copy_verbatim, mark_encoded, raw
from tests.builders import a_series

SAMPLES = sorted(
    path.name
    for path in Path(str(get_testdata_file("CT_small.dcm", download=False))).parent.glob("*.dcm")
)


def by_pydicom(dataset: Dataset) -> bytes:
    buffer = DicomBytesIO()
    buffer.is_little_endian, buffer.is_implicit_VR = True, False
    write_dataset(buffer, dataset)
    return buffer.getvalue()


def by_us(dataset: Dataset) -> bytes:
    return b"".join(encoded(dataset))


def a_sample(name: str) -> Dataset:
    path = get_testdata_file(name, download=False)
    dataset = pydicom.dcmread(str(path), force=True)
    dataset.group_dataset  # noqa: B018 - what is no data set fails here
    return dataset


def every_vr() -> Dataset:
    """Values of one and of many, empty ones and odd lengths."""
    values = {
        "AE": "NODE", "AS": "055Y", "AT": 0x00181063, "CS": ["A", "B"], "DA": "20260102",
        "DS": ["1.50", "2"], "DT": "20260102", "FD": [1.5, 2.5], "FL": 1.5, "IS": "12",
        "LO": "odd", "LT": "text\\with", "OB": b"123", "OD": bytes(8), "OF": bytes(4),
        "OL": bytes(4), "OW": bytes(6), "PN": "A^B", "SH": ["a", "bc"], "SL": -3, "SS": -2,
        "ST": "s", "TM": "010203", "UC": "uc", "UI": ["1.2", "1.2.3"], "UL": [1, 2**32 - 1],
        "UN": b"12", "UR": "http://localhost", "US": 65535, "UT": "ut", "SV": -5, "UV": 5,
    }  # fmt: skip
    dataset = Dataset()
    for place, (vr, value) in enumerate(values.items()):
        dataset.add(DataElement(Tag(0x0072, 0x1000 + 2 * place), vr, value))
        dataset.add(DataElement(Tag(0x0072, 0x1001 + 2 * place), vr, None))
    return mark_encoded(dataset)


def nested(charset: str | list[str], text: str) -> Dataset:
    """Items in items, one of them twice, one with another character set than the whole."""
    inner = Dataset()
    inner.PatientName = inner.CodeMeaning = text
    other = Dataset()
    other.SpecificCharacterSet = "ISO_IR 192"
    other.CodeMeaning = "日本語 plain"
    other.ConceptCodeSequence = [inner]
    dataset = Dataset()
    dataset.SpecificCharacterSet = charset
    dataset.StudyDescription = text
    dataset.ConceptCodeSequence = [inner, other, inner]
    dataset.ProcedureCodeSequence = [inner]
    dataset.ReferencedSeriesSequence = []
    for each in (inner, other, dataset):
        mark_encoded(each)
    return dataset


@pytest.mark.parametrize("name", SAMPLES)
def test_the_copy_of_any_image_is_encoded_as_pydicom_does(name):
    copy = copy_verbatim(a_sample(name))

    assert by_pydicom(copy) == by_us(copy)


@pytest.mark.parametrize("name", SAMPLES)
def test_decoded_elements_are_encoded_as_pydicom_does(name):
    copy = copy_verbatim(a_sample(name))
    try:
        expected = by_pydicom(_decoded(copy))
    except (TypeError, ValueError, NotImplementedError):
        pytest.skip("pydicom does not decode or write it")

    assert expected == by_us(copy)


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "emri_small.dcm", "rtplan.dcm", "liver_1frame.dcm"]
)
def test_what_is_not_marked_as_encoded_is_left_to_pydicom(name):
    dataset = a_sample(name)

    assert by_pydicom(deepcopy(dataset)) == by_us(dataset)


def test_every_vr_is_encoded_as_pydicom_does():
    assert by_pydicom(every_vr()) == by_us(every_vr())


@pytest.mark.parametrize(
    ("charset", "text"),
    [("ISO_IR 100", "Müller"), ("ISO_IR 192", "日本語"), ("", "plain"),
     (["", "ISO 2022 IR 87"], "山田 太郎"), ("GB18030", "王")],
)  # fmt: skip
def test_items_have_the_character_set_of_their_parent(charset, text):
    assert by_pydicom(nested(charset, text)) == by_us(nested(charset, text))


def test_undefined_lengths_and_long_texts_are_encoded_as_pydicom_does():
    dataset = nested("ISO_IR 192", "x")
    dataset["ProcedureCodeSequence"].is_undefined_length = True
    dataset.ConceptCodeSequence[1].is_undefined_length_sequence_item = True
    dataset[0x00721001] = RawDataElement(Tag(0x00721001), "LO", 3, b"odd", 0, False, True)
    dataset[0x00081030] = raw(Tag(0x00081030), "LO", b"y" * 70000)  # written as UN
    dataset.ImageComments = "z" * 300

    assert by_pydicom(dataset) == by_us(dataset)


def test_group_lengths_are_left_out():
    dataset = every_vr()
    dataset.add(DataElement(Tag(0x00720000), "UL", 4))

    assert by_pydicom(dataset) == by_us(dataset) == by_us(every_vr())


def test_a_value_that_cannot_be_written_raises_as_in_pydicom():
    dataset = mark_encoded(Dataset())
    dataset.add(DataElement(Tag(0x00280010), "US", 512))
    dataset[0x00280010]._value = 70000

    with pytest.raises(OSError, match="for data_element"):
        by_pydicom(dataset)
    with pytest.raises(OSError, match="for data_element"):
        by_us(dataset)


def test_pixels_are_not_copied():
    dataset = every_vr()
    pixels = bytes(BULK)
    dataset.add(DataElement(Tag(0x7FE00010), "OW", pixels))

    assert any(piece is pixels for piece in encoded(dataset))


@pytest.mark.parametrize("size", [64, 125])
def test_a_file_is_that_of_pydicom_and_tells_its_hash(size, tmp_path):
    image = a_series(slices=1, rows=size, columns=size)[0]
    copy = copy_verbatim(image)
    copy.add(DataElement(Tag(0x7FE00010), "OW", np.arange(size * size, dtype="<u2").tobytes()))

    written = write(copy, tmp_path, "enhanced")

    content = (tmp_path / written.file).read_bytes()
    copy.file_meta = pydicom.dcmread(BytesIO(content)).file_meta
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, copy, enforce_file_format=True)
    assert buffer.getvalue() == content
    assert (len(content), hashlib.sha256(content).hexdigest()) == (written.size, written.sha256)


@pytest.mark.parametrize("tag", [0x00000100, 0x00020010])
def test_elements_of_commands_and_files_are_no_part_of_a_data_set(tag, tmp_path):
    copy = copy_verbatim(a_series(slices=1)[0])
    copy[tag] = raw(Tag(tag), "UI", b"1.2")

    with pytest.raises(ValueError, match="group"):
        write(copy, tmp_path, "enhanced")


def _decoded(dataset: Dataset) -> Dataset:
    """The data set with every element decoded, in place."""
    for element in dataset:
        for item in element.value if element.VR == "SQ" else ():
            _decoded(item)
    return dataset
