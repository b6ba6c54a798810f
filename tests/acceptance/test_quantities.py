"""What is measured stays measured: SUV, padding, and what ultrasound shows beside the tissue."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom import DataElement, Dataset
from pydicom.pixels import apply_color_lut

from pipelines.dicom_in import read_volume
from pipelines.manifest import Manifest
from pipelines.run import run
from tests.acceptance.sets import SETS, SampleSet
from tests.judges.suv import factor, stored_values, suv_of
from tests.unit.pipelines.stand_ins import a_card, a_request, frames_card, noise

pytestmark = [
    pytest.mark.samples,
    pytest.mark.filterwarnings("ignore"),  # real files are full of what pydicom warns about
]

PETS = ["pet-hn-qin0024/PET", "spect-lu177-scan_001-NC/SPECT"]
PADDED = ["ct-abdomen-crlm-ct-1004", "compressed-wg04/CT1_UNC.dcm", "compressed-wg04/CT1_J2KR.dcm"]
WITH_REGIONS = [
    "us-dicom/US-YBR_FULL_422-EVRLE.dcm",
    "us-dicom/acuson_sequoia_65fr_jpegbaseline.dcm",
    "us-dicom/philips_burnedin_testpatient.dcm",
    "compressed-alltransfersyntax-ct/no-pixel-spacing.dcm",  # a palette
]
SUV_KEPT = (
    "Units", "SUVType", "CountsSource", "SeriesType", "DecayCorrection", "DecayFactor",
    "DoseCalibrationFactor", "CorrectedImage", "AttenuationCorrectionMethod",
    "RandomsCorrectionMethod", "ScatterCorrectionMethod", "SeriesDate", "SeriesTime",
    "AcquisitionDate", "AcquisitionTime", "FrameReferenceTime", "ActualFrameDuration",
    "NumberOfSlices", "ImageIndex", "RadiopharmaceuticalInformationSequence", "PatientWeight",
    "PatientSize", "PatientSex", "RescaleSlope", "RescaleIntercept", "BitsStored",
)  # fmt: skip


def the_set(name: str) -> SampleSet:
    return next(each for each in SETS if each.name == name)


def run_on(card, sources: list[Path], folder: Path) -> tuple[Manifest, list[Path]]:
    manifest = run(a_request(card, sources, folder), cards={card.name: card})
    return manifest, [folder / output.file for output in manifest.outputs]


def pairs(sources: list[Path], results: list[Path]) -> Iterator[tuple[Path, Path]]:
    """Every source file with the result that names it."""
    named = {}
    for path in results:
        image = pydicom.dcmread(path, stop_before_pixels=True)
        named[str(image.SourceImageSequence[0].ReferencedSOPInstanceUID)] = path
    for path in sources:
        yield path, named[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)]


@pytest.mark.parametrize("name", PETS)
def test_pet_an_identity_keeps_every_stored_value_and_suv(name, tmp_path):
    sources = the_set(name).files()
    _manifest, results = run_on(a_card(), sources, tmp_path)

    for before, after in pairs(sources, results):
        first, second = pydicom.dcmread(before), pydicom.dcmread(after)
        assert first.PixelData == second.PixelData
        region = np.s_[first.Rows // 3 : first.Rows // 2, first.Columns // 3 : first.Columns // 2]
        assert suv_of(before)[region].mean() == suv_of(after)[region].mean()


@pytest.mark.parametrize("name", PETS)
def test_pet_suv_in_the_file_is_what_the_network_gave_within_half_a_step(name, tmp_path):
    sources = the_set(name).files()
    manifest, results = run_on(a_card("noise"), sources, tmp_path)
    volume = read_volume(sources)
    given = noise(volume, None).array.astype(np.float64)
    index = {str(image.SOPInstanceUID): k for k, image in enumerate(volume.sources)}

    clipped = 0
    for before, after in pairs(sources, results):
        source, image = pydicom.dcmread(before), pydicom.dcmread(after)
        source.walk(drop_group_length)
        for keyword in SUV_KEPT:
            assert source.get(keyword) == image.get(keyword), keyword
        wanted = given[index[str(source.SOPInstanceUID)]]
        low, high = (-(2**15), 2**15 - 1) if image.PixelRepresentation else (0, 2**16 - 1)
        exact = wanted / float(image.RescaleSlope)
        beyond = (np.rint(exact) < low) | (np.rint(exact) > high)
        clipped += int(beyond.sum())
        step = factor(source) * float(source.RescaleSlope)
        off = np.abs(suv_of(after) - wanted * factor(source))[~beyond]
        assert off.max() <= step / 2 * (1 + 1e-6)
        assert set(np.unique(stored_values(image)[beyond])) <= {low, high}
    assert clipped == manifest.measurements["clipped"]


@pytest.mark.parametrize("name", PADDED)
def test_ct_padding_keeps_every_bit_and_nothing_wraps_around(name, tmp_path):
    sources = the_set(name).files()
    _manifest, results = run_on(a_card("noise"), sources, tmp_path)

    seen = 0
    for before, after in pairs(sources, results):
        source, image = pydicom.dcmread(before), pydicom.dcmread(after)
        assert (source.RescaleSlope, source.RescaleIntercept) == (
            image.RescaleSlope, image.RescaleIntercept,
        )  # fmt: skip
        old, new = source.pixel_array.astype(int), image.pixel_array.astype(int)
        padding = old == int(source.PixelPaddingValue)
        seen += int(padding.sum())
        np.testing.assert_array_equal(padding, new == int(source.PixelPaddingValue))
        # The noise has a spread of 1 % of the range: what wraps around moves by far more.
        assert np.abs(new - old).max() < 0.1 * (old.max() - old.min() + 1)
        assert (new != old)[~padding].mean() > 0.9
    assert seen > 0


@pytest.mark.parametrize("name", WITH_REGIONS)
def test_ultrasound_keeps_every_pixel_outside_the_tissue(name, tmp_path):
    (path,) = the_set(name).files()
    _manifest, (made,) = run_on(frames_card("noise"), [path], tmp_path)
    source, image = pydicom.dcmread(path), pydicom.dcmread(made)

    old, new = shown(source), shown(image)
    tissue = tissue_of(source)
    np.testing.assert_array_equal(old[:, ~tissue], new[:, ~tissue])
    assert (old != new)[:, tissue].mean() > 0.5
    assert source.SequenceOfUltrasoundRegions == image.SequenceOfUltrasoundRegions


def drop_group_length(dataset: Dataset, element: DataElement) -> None:
    """Retired, and true of one encoding alone."""
    if element.tag.element == 0:
        del dataset[element.tag]


def shown(image: Dataset) -> np.ndarray:
    """Frames as ``(frame, y, x, channel)``, palettes looked up."""
    pixels = image.pixel_array
    if image.PhotometricInterpretation == "PALETTE COLOR":
        pixels = (apply_color_lut(pixels, image) >> 8).astype(np.uint8)
    channels = 1 if image.PhotometricInterpretation.startswith("MONOCHROME") else 3
    return pixels.reshape(-1, image.Rows, image.Columns, channels)


def tissue_of(image: Dataset) -> np.ndarray:
    """The regions of 2D tissue, which in these files nothing overlaps."""
    mask = np.zeros((image.Rows, image.Columns), bool)
    for region in image.SequenceOfUltrasoundRegions:
        if (region.RegionSpatialFormat, region.RegionDataType) == (1, 1):
            mask[
                region.RegionLocationMinY0 : region.RegionLocationMaxY1 + 1,
                region.RegionLocationMinX0 : region.RegionLocationMaxX1 + 1,
            ] = True
    return mask
