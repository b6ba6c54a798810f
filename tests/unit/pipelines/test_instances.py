"""ENH-28: what is no scanner's image is refused, with a code, and without a patient's value."""

from __future__ import annotations

import pytest
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    MPEG2MPML,
    EnhancedMRImageStorage,
    EnhancedPETImageStorage,
    RTPlanStorage,
    SecondaryCaptureImageStorage,
    SegmentationStorage,
)

from pipelines.dicom_in import read_frames, read_volume
from pipelines.errors import PipelineRefused
from tests.builders import CANARY, a_series, write_series


def code_of(images, tmp_path) -> str:
    with pytest.raises(PipelineRefused) as caught:
        read_volume(write_series(tmp_path, images))
    assert CANARY not in caught.value.reason
    return caught.value.code


@pytest.mark.parametrize(
    ("keyword", "value", "code"),
    [
        ("ImageType", ["ORIGINAL", "PRIMARY", "LOCALIZER"], "localizer"),
        ("ImageType", "LOCALIZER", "localizer"),
        ("StudyInstanceUID", "", "no-identity"),
        ("Modality", None, "no-identity"),
        ("SeriesInstanceUID", "dccc9599087131742838cc1162a630fe", "no-identity"),
        ("PhotometricInterpretation", "SOMETHING", "not-grey"),
        ("ImageType", ["DERIVED", "PRIMARY", "SCREEN SAVE"], "screen-save"),
        ("PresentationIntentType", "FOR PROCESSING", "for-processing"),
        ("ManufacturerModelName", "dicom-node", "own-result"),
        ("SOPClassUID", SecondaryCaptureImageStorage, "secondary-capture"),
        ("SOPClassUID", SegmentationStorage, "not-an-image"),
        ("SOPClassUID", RTPlanStorage, "not-an-image"),
        ("SOPClassUID", EnhancedMRImageStorage, "bad-functional-groups"),
        ("SOPClassUID", EnhancedPETImageStorage, "enhanced-multi-frame"),
        ("PixelData", None, "no-pixel-data"),
        ("NumberOfFrames", 2, "multi-frame"),
        ("PhotometricInterpretation", "RGB", "not-grey"),
        ("RescaleSlope", 0, "bad-rescale"),
        ("BitsAllocated", 32, "unsupported-pixels"),
        ("HighBit", 14, "unsupported-pixels"),
    ],
)
def test_enh_28_what_is_no_source_image_is_refused(tmp_path, keyword, value, code):
    assert code == code_of(a_series(slices=3, **{keyword: value}), tmp_path)


def test_a_modality_lut_table_is_refused(tmp_path):
    images = a_series(slices=2)
    for image in images:
        image.ModalityLUTSequence = [Dataset()]

    assert "modality-lut" == code_of(images, tmp_path)


def test_the_same_instance_twice_is_refused(tmp_path):
    one, two = a_series(slices=2)
    paths = [*write_series(tmp_path / "a", [one, two]), *write_series(tmp_path / "b", [one])]

    with pytest.raises(PipelineRefused) as caught:
        read_volume(paths)

    assert "duplicate-instance" == caught.value.code


def test_no_instances_are_refused():
    with pytest.raises(PipelineRefused) as caught:
        read_volume([])

    assert "no-instances" == caught.value.code


@pytest.mark.parametrize("content", [b"", b"no DICOM at all" * 40, b"\0" * 128 + b"DICM" + b"\xff"])
def test_a_file_that_is_not_dicom_is_unreadable(tmp_path, content):
    path = tmp_path / "some.dcm"
    path.write_bytes(content)

    with pytest.raises(PipelineRefused) as caught:
        read_frames(path)

    assert "unreadable" == caught.value.code


@pytest.mark.parametrize("part", [0.3, 0.6, 0.99])
def test_a_truncated_file_is_refused(tmp_path, part):
    path = write_series(tmp_path, a_series("CR", slices=1))[0]
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])

    with pytest.raises(PipelineRefused) as caught:
        read_frames(path)

    assert caught.value.code in {"undecodable", "no-pixel-data"}
    assert CANARY not in str(caught.value)


def test_a_transfer_syntax_without_a_decoder_is_named(tmp_path):
    image = a_series("CR", slices=1)[0]
    image.PixelData = encapsulate([b"\xff\x0a" + b"\0" * 20])
    image["PixelData"].VR = "OB"
    image.file_meta.TransferSyntaxUID = MPEG2MPML

    with pytest.raises(PipelineRefused) as caught:
        read_frames(write_series(tmp_path, [image])[0])

    assert "undecodable" == caught.value.code
    assert "MPEG2" in caught.value.reason
