"""Frames of an Enhanced multi-frame object read like classic slices."""

import pytest
from pydicom import Dataset

from pipelines.dicom_in.functional_groups import frame_headers
from pipelines.dicom_in.geometry import stack_slices
from pipelines.dicom_in.phases import split_phases
from pipelines.dicom_in.values import rescale_of
from pipelines.dicom_out.grey import Window, own_window
from pipelines.dicom_out.regions import region_of
from pipelines.dicom_out.study import side_of
from pipelines.errors import PipelineRefused


def _group(**values: object) -> list[Dataset]:
    item = Dataset()
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return [item]


def _image(frames: list[tuple[float, float]]) -> Dataset:
    """Frames at (depth, echo time), each with a slope of its own."""
    image, shared = Dataset(), Dataset()
    image.NumberOfFrames = len(frames)
    shared.PlaneOrientationSequence = _group(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])
    shared.PixelMeasuresSequence = _group(PixelSpacing=[0.5, 0.7], SliceThickness=2)
    image.SharedFunctionalGroupsSequence = [shared]
    image.PerFrameFunctionalGroupsSequence = []
    for number, (depth, echo) in enumerate(frames, start=1):
        frame = Dataset()
        frame.PlanePositionSequence = _group(ImagePositionPatient=[1, 2, depth])
        frame.MREchoSequence = _group(EffectiveEchoTime=echo)
        frame.PixelValueTransformationSequence = _group(RescaleSlope=number, RescaleIntercept=-1)
        image.PerFrameFunctionalGroupsSequence.append(frame)
    return image


def test_shuffled_frames_form_the_stack_of_their_positions() -> None:
    stack = stack_slices(frame_headers(_image([(4, 5), (0, 5), (2, 5)])))
    assert stack.order == [1, 2, 0]
    assert stack.affine.diagonal().tolist() == pytest.approx([0.7, 0.5, 2, 1])


def test_echoes_are_split_and_each_frame_keeps_its_own_rescale() -> None:
    image = _image([(0, 10.123456789012345), (0, 2.5), (2, 10.123456789012345), (2, 2.5)])
    phases = split_phases(frame_headers(image))
    slopes = [[rescale_of(frame)[0] for frame in phase] for phase in phases]
    assert slopes == [[2, 4], [1, 3]]


def test_a_frame_is_looked_at_through_its_own_window() -> None:
    image = _image([(0, 5), (2, 5)])
    for place, groups in enumerate(image.PerFrameFunctionalGroupsSequence):
        groups.FrameVOILUTSequence = _group(WindowCenter=40 + place, WindowWidth=400)
    image.WindowCenter, image.WindowWidth = 0, 1  # of no frame
    windows = [own_window(frame) for frame in frame_headers(image)]
    assert windows == [Window(40, 400), Window(41, 400)]


def test_a_frame_tells_its_region_and_side() -> None:
    image = _image([(0, 5)])
    (knee,) = _group(CodeValue="72696002", CodingSchemeDesignator="SCT", CodeMeaning="Knee")
    anatomy = _group(AnatomicRegionSequence=[knee], FrameLaterality="L")
    image.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = anatomy
    (header,) = frame_headers(image)
    assert "72696002" == region_of(header)[0].CodeValue
    assert {"Laterality": "L"} == side_of(header)


def test_frames_without_their_own_groups_are_refused() -> None:
    image = _image([(0, 5), (2, 5)])
    image.NumberOfFrames = 3
    with pytest.raises(PipelineRefused) as refused:
        frame_headers(image)
    assert refused.value.code == "bad-functional-groups"


def test_a_frame_without_spacing_is_refused_as_a_classic_slice_is() -> None:
    image = _image([(0, 5), (2, 5)])
    del image.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    with pytest.raises(PipelineRefused) as refused:
        stack_slices(frame_headers(image))
    assert refused.value.code == "no-geometry"
    assert "PixelSpacing" in str(refused.value)
