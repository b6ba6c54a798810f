"""Values travel as bytes, whatever the encoding they arrived in."""

from __future__ import annotations

from io import BytesIO

import pydicom
import pytest
from pydicom import Dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from pipelines.verbatim import copy_verbatim, elements, share
from tests.builders import a_series


def an_instance() -> Dataset:
    inner = Dataset()
    inner.CodeMeaning = "inner"
    inner.RecommendedDisplayCIELabValue = [1, 2, 3]
    item = Dataset()
    item.CodeValue = "1"
    item.ConceptCodeSequence = [inner]
    return a_series(
        slices=1, ProcedureCodeSequence=[item], PixelPaddingValue=-5, SelectorFDValue=[1.5, -2.0],
        FrameIncrementPointer=0x00181063, WindowCenter=["40", "41.50"], KVP="120.0",
        RequestAttributesSequence=[],
    )[0]  # fmt: skip


def encoded(dataset: Dataset, syntax: str) -> Dataset:
    """`dataset` written in `syntax` and read again."""
    dataset.file_meta.TransferSyntaxUID = syntax
    buffer = BytesIO()
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    pydicom.dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little,
                     enforce_file_format=True)  # fmt: skip
    buffer.seek(0)
    return pydicom.dcmread(buffer)


def told(dataset: Dataset) -> list[object]:
    return [
        (each.tag, [told(item) for item in each.value] if each.vr == "SQ" else each.value.strip())
        for each in elements(dataset)
    ]


@pytest.mark.parametrize(
    "syntax",
    [ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
     DeflatedExplicitVRLittleEndian],
)  # fmt: skip
def test_elements_are_the_same_bytes_from_every_transfer_syntax(syntax):
    assert told(an_instance()) == told(encoded(an_instance(), syntax))


@pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
def test_a_copy_is_written_as_explicit_little_endian(syntax):
    copy = copy_verbatim(encoded(an_instance(), syntax))
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, copy, implicit_vr=False, little_endian=True)
    buffer.seek(0)
    again = pydicom.dcmread(buffer, force=True)

    assert told(an_instance()) == told(again)
    assert ("SS", -5) == (again["PixelPaddingValue"].VR, again.PixelPaddingValue)
    assert [1.5, -2.0] == again.SelectorFDValue
    inner = again.ProcedureCodeSequence[0].ConceptCodeSequence[0]
    assert [1, 2, 3] == inner.RecommendedDisplayCIELabValue


def test_group_lengths_private_elements_and_pixels_stay_behind():
    image = an_instance()
    image.add_new(0x00080000, "UL", 99)
    image.private_block(0x29, "SOMEBODY", create=True).add_new(1, "LO", "x")

    tags = [each.tag for each in elements(image)]

    assert [] == [tag for tag in tags if tag.is_private or tag.element == 0 or tag.group == 0x7FE0]


def test_keep_is_asked_for_the_topmost_elements():
    copy = copy_verbatim(an_instance(), lambda tag: tag == 0x00081032)

    assert [0x00081032] == list(copy.keys())
    assert "inner" == copy.ProcedureCodeSequence[0].ConceptCodeSequence[0].CodeMeaning


def written(dataset: Dataset) -> bytes:
    """The data set alone, as Explicit VR Little Endian."""
    buffer = BytesIO()
    pydicom.dcmwrite(buffer, dataset, implicit_vr=False, little_endian=True)
    return buffer.getvalue()


def a_made_set(meaning: str = "inner") -> Dataset:
    """A data set that nothing was read into: texts, nested items, and a VR that is ambiguous."""
    lowest = Dataset()
    lowest.CodeMeaning = meaning
    lowest.add_new("PixelPaddingValue", "US or SS", 5)
    middle = Dataset()
    middle.ConceptCodeSequence = [lowest]
    made = Dataset()
    made.SpecificCharacterSet = "ISO_IR 192"
    made.SeriesDescription = "Größe"
    made.ProcedureCodeSequence = [middle, Dataset()]
    made.PixelRepresentation = 0
    made.add_new("SmallestImagePixelValue", "US or SS", 3)
    made.add_new(0x00091001, "LO", "private")
    made.PixelData = b"\0\0"
    return made


@pytest.mark.parametrize("make", [a_made_set, lambda: copy_verbatim(an_instance())])
def test_what_is_shared_is_written_as_its_copy_is(make):
    assert written(copy_verbatim(make())) == written(share(make()))


def test_texts_of_shared_items_are_in_the_character_set_of_the_whole():
    read = pydicom.dcmread(BytesIO(written(share(a_made_set("Größe")))), force=True)

    assert "Größe" == read.ProcedureCodeSequence[0].ConceptCodeSequence[0].CodeMeaning


def test_elements_are_shared_and_not_copied():
    plain = copy_verbatim(an_instance())
    shared = share(plain, lambda tag: tag != plain["KVP"].tag)

    assert shared.ProcedureCodeSequence[0] is plain.ProcedureCodeSequence[0]
    assert "KVP" in plain and "KVP" not in shared
