"""Enhanced CT and MR objects as volumes: stacks, phases, units and padding of their frames."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import RLELossless

from pipelines.dicom_in import read_frames, read_volume, read_volumes
from pipelines.errors import PipelineRefused
from tests.builders import CANARY, a_series, write_series
from tests.multi_frame import an_enhanced, group, stored


def refused(tmp_path, *images: Dataset) -> str:
    with pytest.raises(PipelineRefused) as caught:
        read_volumes(write_series(tmp_path, list(images)))
    assert CANARY not in str(caught.value)
    return caught.value.code


def at(groups: Dataset, depth: float, **content: object) -> None:
    """Put a frame at a depth, with more of Frame Content."""
    groups.PlanePositionSequence[0].ImagePositionPatient = [0, 0, depth]
    for keyword, value in content.items():
        setattr(groups.FrameContentSequence[0], keyword, value)


@pytest.mark.parametrize("modality", ["CT", "MR"])
def test_an_object_is_the_volume_that_its_frames_make_as_single_images(tmp_path, modality):
    classic = read_volume(write_series(tmp_path / "classic", a_series(modality)))
    images = a_series(modality)
    images = [images[index] for index in (3, 0, 4, 1, 2)]  # frames in any order
    whole = an_enhanced(modality, images)

    volume = read_volume(write_series(tmp_path, [whole]))

    assert np.array_equal(classic.array, volume.array)
    assert np.array_equal(classic.affine, volume.affine)
    assert [2, 4, 5, 1, 3] == [frame.number for frame in volume.frames]
    assert [whole.SOPInstanceUID] == [image.SOPInstanceUID for image in volume.instances]
    assert 1 == len(volume.digests)
    assert {str(whole.SOPInstanceUID)} == {image.SOPInstanceUID for image in volume.sources}


def test_each_frame_has_a_rescale_of_its_own(tmp_path):
    def rescaled(groups, index):
        groups.PixelValueTransformationSequence[0].RescaleSlope = index + 1

    whole = an_enhanced(each=rescaled)
    volume = read_volume(write_series(tmp_path, [whole]))

    assert np.array_equal(volume.array, stored(whole) * np.arange(1, 6)[:, None, None])


def test_frames_of_several_units_make_no_volume(tmp_path):
    def other(groups, index):
        groups.PixelValueTransformationSequence[0].RescaleType = "HU" if index else "US"

    assert "mixed-units" == refused(tmp_path, an_enhanced("CT", each=other))


def test_padding_of_the_object_is_padding_of_every_frame(tmp_path):
    images = a_series("CT", slices=3)
    for image in images:
        pixels = np.frombuffer(image.PixelData, np.int16).copy()
        pixels[:7] = -2000
        image.PixelData = pixels.tobytes()

    (volume,) = read_volumes(
        write_series(tmp_path, [an_enhanced("CT", images, PixelPaddingValue=-2000)])
    )
    assert [7, 7, 7] == volume.padding.sum(axis=(1, 2)).tolist()


def test_unused_bits_hold_no_values(tmp_path):
    images = a_series(slices=2, BitsStored=12, HighBit=11)
    for image in images:
        pixels = np.frombuffer(image.PixelData, np.uint16) | 0x3000
        image.PixelData = pixels.tobytes()
        image.PixelRepresentation = 0
    (volume,) = read_volumes(write_series(tmp_path, [an_enhanced("CT", images)]))

    assert volume.array.max() < 4096 - 1024


def test_stacks_of_their_own_directions_are_volumes_in_the_order_of_their_ids(tmp_path):
    def three_planes(groups, index):
        directions = ([1, 0, 0, 0, 1, 0], [0, 1, 0, 0, 0, -1])[index % 2]
        groups.PlaneOrientationSequence = group(ImageOrientationPatient=directions)
        place = [0, 0, float(index)] if index % 2 == 0 else [float(index), 0, 0]
        groups.PlanePositionSequence[0].ImagePositionPatient = place
        groups.FrameContentSequence[0].StackID = ("2", "10")[index % 2]

    whole = an_enhanced(images=a_series("MR", slices=6), each=three_planes)
    del whole.SharedFunctionalGroupsSequence[0].PlaneOrientationSequence
    volumes = read_volumes(write_series(tmp_path, [whole]))

    assert [[1, 3, 5], [6, 4, 2]] == [[f.number for f in each.frames] for each in volumes]


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("MREchoSequence", {"EffectiveEchoTime": (10.0, 9.5)}),
        ("MRModifierSequence", {"InversionTimes": ([300.0], [40.0])}),
        ("CardiacSynchronizationSequence", {"NominalCardiacTriggerDelayTime": (80.25, 9.0)}),
        ("TemporalPositionSequence", {"TemporalPositionTimeOffset": (10.0, 9.0)}),
        ("MRDiffusionSequence", {"DiffusionBValue": (1000.0, 50.0)}),
        ("MRImageFrameTypeSequence", {"ComplexImageComponent": ("PHASE", "MAGNITUDE")}),
        ("FrameContentSequence", {"TemporalPositionIndex": (10, 9)}),
        ("FrameContentSequence", {"FrameAcquisitionNumber": (10, 9)}),
    ],
)  # fmt: skip
def test_phases_are_told_apart_by_what_the_scanner_says_of_a_frame(tmp_path, name, values):
    ((keyword, both),) = values.items()

    def phase(groups, index):
        at(groups, float(index // 2))
        if name not in groups:
            setattr(groups, name, group())
        setattr(groups[name].value[0], keyword, both[index % 2])

    whole = an_enhanced(images=a_series("MR", slices=6), each=phase)
    for shared in ("MREchoSequence", "MRImageFrameTypeSequence"):
        if name == shared:
            del whole.SharedFunctionalGroupsSequence[0][shared]
    volumes = read_volumes(write_series(tmp_path, [whole]))

    numbers = [[frame.number for frame in volume.frames] for volume in volumes]
    order = [[1, 3, 5], [2, 4, 6]] if keyword == "ComplexImageComponent" else [[2, 4, 6], [1, 3, 5]]
    assert sorted(numbers) == sorted(order)
    assert keyword == "ComplexImageComponent" or numbers == order


def test_phases_are_told_apart_by_the_objects_own_dimensions(tmp_path):
    def phase(groups, index):
        values = [1, 1 + index // 4, 1 + index // 2 % 2, 1 + index % 2]  # stack, place, two more
        at(groups, float(index // 4), DimensionIndexValues=values)

    whole = an_enhanced(images=a_series("MR", slices=12), each=phase)
    for pointer in (0x00189087, 0x00189089):  # b-value, direction
        whole.DimensionIndexSequence.append(group(DimensionIndexPointer=pointer)[0])
    volumes = read_volumes(write_series(tmp_path, [whole]))

    assert [1, 2, 3, 4] == [volume.frames[0].number for volume in volumes]


def test_objects_of_one_series_are_volumes_each_in_the_order_of_their_numbers(tmp_path):
    first, second = an_enhanced(number=2), an_enhanced(number=10)
    second.PixelData = (stored(second) + 100).tobytes()
    paths = write_series(tmp_path, [first, second])

    for order in (paths, paths[::-1]):
        volumes = read_volumes(order)
        assert [2, 10] == [volume.instances[0].InstanceNumber for volume in volumes]
    assert volumes[0].digests != volumes[1].digests
    with pytest.raises(PipelineRefused) as caught:
        read_volume(paths)
    assert "several-stacks" == caught.value.code


def test_objects_of_one_frame_each_are_slices_of_one_stack(tmp_path):
    wholes = [an_enhanced(images=[image], number=index + 1)
              for index, image in enumerate(a_series("MR", slices=4))]  # fmt: skip
    volume = read_volume(write_series(tmp_path, wholes[::-1]))

    assert ([1, 1, 1, 1], 4) == ([frame.number for frame in volume.frames], len(volume.digests))


def test_compressed_frames_are_the_same_frames(tmp_path):
    plain = read_volume(write_series(tmp_path / "plain", [an_enhanced("CT")]))
    whole = an_enhanced("CT")
    whole.compress(RLELossless, generate_instance_uid=False)
    compressed = read_volume(write_series(tmp_path, [whole]))

    assert np.array_equal(plain.array, compressed.array)
    assert plain.digests == compressed.digests


def _concatenated(whole: Dataset) -> None:
    whole.ConcatenationUID, whole.InConcatenationNumber = "2.25.8", 1


def _same_place(whole: Dataset) -> None:
    for groups in whole.PerFrameFunctionalGroupsSequence:
        at(groups, 1.0)


def _unplaced(whole: Dataset) -> None:
    del whole.PerFrameFunctionalGroupsSequence[2].PlanePositionSequence


def _tilted(whole: Dataset) -> None:
    groups = whole.PerFrameFunctionalGroupsSequence[2]
    groups.PlaneOrientationSequence = group(ImageOrientationPatient=[0, 1, 0, 0, 0, -1])


def _gap(whole: Dataset) -> None:
    at(whole.PerFrameFunctionalGroupsSequence[4], 10.0)
    for index in range(4):
        at(whole.PerFrameFunctionalGroupsSequence[index], 2.0 * index)


def _localizer(whole: Dataset) -> None:
    kind = whole.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence[0]
    kind.FrameType = ["ORIGINAL", "PRIMARY", "LOCALIZER", "NONE"]


def _no_shared_groups(whole: Dataset) -> None:
    del whole.SharedFunctionalGroupsSequence


def _one_frame_less(whole: Dataset) -> None:
    del whole.PerFrameFunctionalGroupsSequence[4]


def _short_pixels(whole: Dataset) -> None:
    whole.PixelData = whole.PixelData[:-1000]


def _bad_slope(whole: Dataset) -> None:
    whole.PerFrameFunctionalGroupsSequence[3].PixelValueTransformationSequence[0].RescaleSlope = 0


def _no_groups(whole: Dataset) -> None:
    del whole.PerFrameFunctionalGroupsSequence


@pytest.mark.parametrize(
    ("damage", "code"),
    [
        (_concatenated, "concatenation"),
        (_same_place, "duplicate-positions"),
        (_unplaced, "no-geometry"),
        (_no_shared_groups, "no-geometry"),
        (_tilted, "mixed-orientation"),
        (_gap, "missing-slices"),
        (_localizer, "localizer"),
        (_one_frame_less, "bad-functional-groups"),
        (_no_groups, "bad-functional-groups"),
        (_short_pixels, "undecodable"),
        (_bad_slope, "bad-rescale"),
    ],
)
def test_what_is_no_regular_stack_is_refused_with_its_reason(tmp_path, damage, code):
    whole = an_enhanced()
    damage(whole)

    assert code == refused(tmp_path, whole)


def test_single_images_are_not_looked_for_in_an_object_of_stacks(tmp_path):
    (path,) = write_series(tmp_path, [an_enhanced()])
    with pytest.raises(PipelineRefused) as caught:
        read_frames(path)

    assert "enhanced-multi-frame" == caught.value.code


def test_an_object_beside_single_images_is_refused(tmp_path):
    whole = an_enhanced("CT")
    assert "mixed-modality" == refused(tmp_path, whole, *a_series("CT", slices=2))
