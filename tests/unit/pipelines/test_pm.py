"""Parametric maps: what an enhancement changed, in the source's units and with their codes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import ParametricMapStorage

from pipelines.dicom_out.pm_difference import (
    ANY_SIGNAL,
    BY_UNITS,
    HOUNSFIELD,
    MR_SIGNAL,
    SUBTRACTION,
    quantity_of,
)
from pipelines.dicom_out.regions import REGIONS, SOMEWHERE, region_of
from tests.builders import a_series
from tests.unit.pipelines.classical import a_volume
from tests.unit.pipelines.stand_ins import a_card, frames_card, run_card


def maps(folder: Path, images: list[Dataset], card=None, objects=("enhanced", "pm"), **request):
    manifest, made = run_card(
        card or a_card("soften"), images, folder, objects=list(objects), **request
    )
    return [pydicom.dcmread(made / each.file) for each in manifest.outputs if each.kind == "pm"]


def floats(image: Dataset) -> np.ndarray:
    shape = int(image.NumberOfFrames), image.Rows, image.Columns
    return np.frombuffer(image.FloatPixelData, "<f4").reshape(shape)


def by_place(image: Dataset) -> dict[tuple[float, ...], np.ndarray]:
    """Frames by their position in the patient."""
    return {
        tuple(group.PlanePositionSequence[0].ImagePositionPatient): plane
        for group, plane in zip(image.PerFrameFunctionalGroupsSequence, floats(image), strict=True)
    }


def test_every_voxel_is_enhanced_minus_source_unrounded_at_its_place(tmp_path):
    images = a_series(RescaleSlope=2, RescaleIntercept=-1000)
    (made,) = maps(tmp_path, images)

    assert ParametricMapStorage == made.SOPClassUID
    found = by_place(made)
    assert len(images) == len(found)
    for image in images:
        hu = image.pixel_array.astype(float) * 2 - 1000
        left = np.concatenate([hu[:, :1], hu[:, :-1]], axis=1)
        expected = (hu + left) / 2 - hu
        np.testing.assert_array_equal(expected, found[tuple(image.ImagePositionPatient)])
    assert (floats(made) % 2).any()  # halves of a stored step: the image cannot hold them


def test_values_are_mapped_one_to_one_and_have_a_coded_quantity_and_unit(tmp_path):
    (made,) = maps(tmp_path, a_series())
    shared = made.SharedFunctionalGroupsSequence[0]
    (mapping,) = shared.RealWorldValueMappingSequence

    assert (1.0, 0.0) == (mapping.RealWorldValueSlope, mapping.RealWorldValueIntercept)
    largest = float(np.abs(floats(made)).max())
    assert (-largest, largest) == (
        mapping.DoubleFloatRealWorldValueFirstValueMapped,
        mapping.DoubleFloatRealWorldValueLastValueMapped,
    )
    assert "[hnsf'U]" == mapping.MeasurementUnitsCodeSequence[0].CodeValue
    quantity = mapping.QuantityDefinitionSequence[0].ConceptCodeSequence[0]
    assert "112031" == quantity.CodeValue
    derivation = made.PerFrameFunctionalGroupsSequence[0].DerivationImageSequence[0]
    assert "113062" == derivation.DerivationCodeSequence[0].CodeValue
    assert ["DERIVED", "PRIMARY", "VOLUME", "SUBTRACTION"] == list(made.ImageType)
    assert "RESEARCH" == made.ContentQualification


def test_each_frame_names_the_image_that_it_lies_on(tmp_path):
    images = a_series()
    (made,) = maps(tmp_path, images)

    at = {tuple(image.ImagePositionPatient): image.SOPInstanceUID for image in images}
    for group in made.PerFrameFunctionalGroupsSequence:
        (source,) = group.DerivationImageSequence[0].SourceImageSequence
        place = tuple(group.PlanePositionSequence[0].ImagePositionPatient)
        assert at[place] == source.ReferencedSOPInstanceUID


def test_padding_is_not_changed(tmp_path):
    pixels = np.full((3, 16, 16), 900, np.int16)
    pixels[:, :, 8:] = -2000
    images = a_series(pixels=pixels, PixelPaddingValue=-2000)
    (made,) = maps(tmp_path, images, a_card("add"))

    assert (floats(made)[..., :8] == 1).all()
    assert not floats(made)[..., 8:].any()


def test_where_nothing_changed_the_map_is_still_one_that_can_be_read(tmp_path):
    (made,) = maps(tmp_path, a_series(), a_card("identity"))
    window = made.SharedFunctionalGroupsSequence[0].FrameVOILUTSequence[0]

    assert not floats(made).any()
    assert window.WindowWidth > 0


@pytest.mark.parametrize(
    ("modality", "header", "quantity"),
    [
        ("CT", {}, HOUNSFIELD),
        ("CT", {"RescaleType": "HU"}, HOUNSFIELD),
        ("CT", {"RescaleType": "US"}, ANY_SIGNAL),
        ("MR", {}, MR_SIGNAL),
        ("PT", {"Units": "BQML"}, BY_UNITS["BQML"]),
        ("PT", {"Units": "GML"}, BY_UNITS["GML"]),
        ("PT", {"Units": "GML", "SUVType": "LBM"}, ANY_SIGNAL),
        ("PT", {"Units": "PROPCPS"}, ANY_SIGNAL),
    ],
)
def test_the_quantity_is_what_the_source_measures(modality, header, quantity):
    assert quantity == quantity_of(a_volume(np.zeros((2, 4, 4)), modality, **header))


def test_the_codes_are_those_of_the_standard():
    named = [SUBTRACTION, *(quantity.name for quantity in (HOUNSFIELD, MR_SIGNAL, ANY_SIGNAL,
                                                           *BY_UNITS.values()))]  # fmt: skip
    known = {
        (code.value, str(code.meaning))
        for code in (getattr(codes.DCM, name) for name in codes.DCM.dir())
    }
    anatomy = {
        (code.value, str(code.meaning))
        for code in (getattr(codes.SCT, name) for name in codes.SCT.dir())
    }

    assert {(code.value, code.meaning) for code in named} <= known
    assert {(code.value, code.meaning) for code in REGIONS.values()} <= anatomy
    assert codes.SCT.BodyStructure.value == SOMEWHERE.value


def test_the_region_is_the_sources_own_or_that_of_its_body_part():
    image = Dataset()
    assert "123037004" == region_of(image)[0].CodeValue
    image.BodyPartExamined = "PROSTATE"
    assert "41216001" == region_of(image)[0].CodeValue
    own = Dataset()
    own.CodeValue, own.CodingSchemeDesignator, own.CodeMeaning = "1", "99X", "Own"
    image.AnatomicRegionSequence = [own]
    assert ("1", "99X", "Own") == tuple(element.value for element in region_of(image)[0])


def test_every_phase_has_its_map(tmp_path):
    images = a_series(slices=6)
    for index, image in enumerate(images):
        image.ImagePositionPatient = [0, 0, 2 * (index % 3)]
        image.AcquisitionNumber = 1 + index // 3
    found = maps(tmp_path, images)

    assert [3, 3] == [int(each.NumberOfFrames) for each in found]
    assert 2 == len({each.SOPInstanceUID for each in found})


def test_frames_without_a_place_and_who_did_not_ask_get_no_map(tmp_path):
    assert [] == maps(tmp_path / "a", a_series("CR", slices=1), frames_card("soften"))
    assert [] == maps(tmp_path / "b", a_series(), objects=["enhanced"])
    assert [] == maps(tmp_path / "c", a_series("MR", FrameOfReferenceUID=None))


def test_the_same_request_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        maps(tmp_path / name, a_series())
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "results").glob("*.dcm")}
        for name in ("a", "b")
    )

    assert first == second
