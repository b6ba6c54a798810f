"""Every real set through its pipelines: what comes back, what is refused, and what judges say."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pipelines.dicom_in import read_frames, read_volumes
from pipelines.digest import content_digest
from pipelines.errors import PipelineRefused
from pipelines.manifest import Manifest
from pipelines.run import run
from tests.judges.dcmqi import read_segments
from tests.judges.dicom3tools import errors_of, new_contradictions, new_errors
from tests.tools import samples
from tests.unit.pipelines.stand_ins import a_card, a_request, frames_card

pytestmark = pytest.mark.samples

VOLUMES = {
    "ct-abdomen-crlm-ct-1004": (41, 512, 512),
    "mr-brain-t1-saganon": (192, 256, 256),
    "mr-abdomen-adc-scan_001": (36, 288, 256),
    "pet-hn-qin0024/PET": (299, 128, 128),
    "compressed-fragmented-5001": (16, 128, 128),
    "compressed-mr-series/compressed": (4, 256, 256),
    "compressed-mr-series/compressed_rle": (4, 256, 256),
    "robust-geometry/hitachi_signed": (4, 64, 64),
}
REFUSED = {
    "ct-head-ge-tilt": "gantry-tilt",
    "robust-geometry/gantry_tilt/001": "gantry-tilt",
    "robust-geometry/missing_slices_1": "missing-slices",
    "robust-geometry/mixed_orientation/001": "mixed-orientation",
    "mr-breast-dce-ucsf-br-06/seg": "not-an-image",
}
FRAMES = {
    "cr-dicom/CR-MONO1-10-chest.dcm": (1, 440, 440),
    "cr-dicom/RG1_J2KR.dcm": (1, 1955, 1841),
    "us-dicom/US-PAL-8-10x-echo.dcm": (10, 430, 600, 3),
    "us-dicom/US-RGB-8-epicard.dcm": (1, 480, 640, 3),
    "us-dicom/US-YBR_FULL_422-EVRLE.dcm": (1, 555, 800, 3),
    "us-dicom/acuson_sequoia_65fr_jpegbaseline.dcm": (65, 456, 576, 3),
    "us-dicom/philips_burnedin_testpatient.dcm": (1, 768, 1024),
    "nm-samples/NM-MONO2-16-13x-heart.dcm": (13, 64, 64),
}


@pytest.fixture(autouse=True)
def _quiet() -> Iterator[None]:
    """Real files are full of what pydicom warns about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def instances(name: str) -> list[Path]:
    """The DICOM files of a set, or the one file."""
    path = samples() / name
    files = [path] if path.is_file() else sorted(path.iterdir())
    return [file for file in files if file.read_bytes()[128:132] == b"DICM"]


def run_on(name: str, card, folder: Path) -> tuple[Manifest, list[Path]]:
    folder.mkdir(parents=True)
    manifest = run(a_request(card, instances(name), folder), cards={card.name: card})
    return manifest, [folder / output.file for output in manifest.outputs]


@pytest.mark.parametrize(("name", "shape"), VOLUMES.items())
def test_a_real_volume_is_read_whole(name, shape):
    (volume,) = read_volumes(instances(name))

    assert shape == volume.array.shape


@pytest.mark.parametrize(("name", "shape"), FRAMES.items())
def test_real_frames_are_read_whole(name, shape):
    assert shape == read_frames(instances(name)[0]).array.shape


def test_three_contrast_phases_in_one_series_are_three_volumes():
    found = read_volumes(instances("mr-breast-dce-ucsf-br-06/image"))

    assert [(60, 256, 256)] * 3 == [volume.array.shape for volume in found]
    times = [{str(source.ContentTime) for source in volume.sources} for volume in found]
    assert [1, 1, 1] == [len(each) for each in times]


@pytest.mark.parametrize(("name", "code"), REFUSED.items())
def test_what_cannot_be_read_truly_is_refused(name, code):
    with pytest.raises(PipelineRefused) as caught:
        read_volumes(instances(name))

    assert code == caught.value.code


@pytest.mark.parametrize("name", VOLUMES)
def test_enh_29_an_identity_keeps_a_real_volume_and_adds_no_error(name, tmp_path):
    sources = instances(name)
    _manifest, derived = run_on(name, a_card(), tmp_path / "out")
    before = {str(image.SOPInstanceUID): image for image in map(pydicom.dcmread, sources)}

    for path in derived:
        image = pydicom.dcmread(path)
        source = before[image.SourceImageSequence[0].ReferencedSOPInstanceUID]
        np.testing.assert_array_equal(source.pixel_array, image.pixel_array)
        for keyword in ("ImagePositionPatient", "RescaleSlope", "PatientName", "PixelSpacing"):
            assert source.get(keyword) == image.get(keyword)
    ends = [derived[0], derived[-1]]
    assert set() == set().union(*(new_errors(sources, path) for path in ends))
    assert set() == new_contradictions(sources, derived)


@pytest.mark.parametrize("name", FRAMES)
def test_enh_29_an_identity_keeps_real_frames_and_adds_no_error(name, tmp_path):
    sources = instances(name)
    _manifest, (path,) = run_on(name, frames_card(), tmp_path / "out")

    expected = read_frames(sources[0]).array
    found = pydicom.dcmread(path).pixel_array.reshape(expected.shape)
    np.testing.assert_array_equal(expected, found)
    assert set() == new_errors(sources, path)


@pytest.mark.parametrize(
    ("name", "low"),
    [("ct-abdomen-crlm-ct-1004", 150.0), ("mr-brain-t1-saganon", 120.0),
     ("pet-hn-qin0024/PET", 12000.0)],
)  # fmt: skip
def test_dcmqi_finds_a_real_mask_at_its_place(name, low, tmp_path):
    card = a_card("above", parameters={"low": low, "high": 1e9})
    manifest, (path, _report) = run_on(name, card, tmp_path / "out")
    (volume,) = read_volumes(instances(name))
    (segment,) = read_segments(path, tmp_path / "itk")

    mask = volume.array > low
    count = np.count_nonzero(sitk.GetArrayFromImage(segment.image))
    assert int(mask.sum()) == count == manifest.measurements["segments"][0]["voxels"]
    grid = sitk.GetImageFromArray(mask.astype(np.uint8))
    grid.SetOrigin(volume.affine[:3, 3])
    steps = np.linalg.norm(volume.affine[:3, :3], axis=0)
    grid.SetSpacing(steps)
    grid.SetDirection((volume.affine[:3, :3] / steps).ravel())
    placed = sitk.Resample(segment.image, grid, sitk.Transform(), sitk.sitkNearestNeighbor)
    np.testing.assert_array_equal(mask, sitk.GetArrayFromImage(placed) > 0)
    assert set() == errors_of(path) - errors_of(instances(name)[0])


def test_lossless_encodings_of_one_image_have_one_content():
    """WG-04: an image in JPEG lossless, JPEG-LS, JPEG 2000 and RLE, and its decompressed copy."""
    folder = samples() / "compressed-wg04"
    for image, kinds in (("CT1", ("JPLL", "JLSL", "J2KR", "RLE")), ("US1", ("J2KR", "RLE")),
                         ("NM1", ("JPLL", "JLSL", "J2KR", "RLE"))):  # fmt: skip
        plain = pydicom.dcmread(folder / f"{image}_UNC.dcm").pixel_array
        for kind in kinds:
            found = pydicom.dcmread(folder / f"{image}_{kind}.dcm")
            native = pydicom.dcmread(folder / f"{image}_{kind}.dcm")
            native.decompress(generate_instance_uid=False)
            assert content_digest(native) == content_digest(found), (image, kind)
            np.testing.assert_array_equal(plain, found.pixel_array)
