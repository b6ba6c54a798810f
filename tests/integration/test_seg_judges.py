"""Readers written by others see every segmentation as it was meant: OHIF's and dcmqi.

Of label maps dicom3tools and pixelmed know nothing: their editions are older than Supplement 243.
"""

from __future__ import annotations

import numpy as np
import pydicom
import pytest
import SimpleITK as sitk

from pipelines.dicom_out.seg_form import BINARY, LABELMAP, SINGLE
from tests.judges.dcmqi import read_segments
from tests.judges.dicom3tools import errors_of
from tests.judges.dicom_validator import violations
from tests.judges.ohif import count_voxels
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, sided_card, write_mask

KINDS = {**STACKS, "512x512": {"slices": 3, "rows": 512, "columns": 512}}


@pytest.fixture(scope="module", params=[BINARY, LABELMAP], ids=lambda form: form.kind)
def form(request):
    return request.param


@pytest.fixture(scope="module", params=KINDS)
def written(request, form, tmp_path_factory):
    """Source files, volume, mask and SEG file of each stack in each form."""
    folder = tmp_path_factory.mktemp("stack")
    volume = a_stack(folder / "source", **KINDS[request.param])
    labels = a_mask(volume)
    (path,) = write_mask(volume, labels, folder / "results", form)
    return sorted((folder / "source").iterdir()), volume, labels, path


def test_ohif_counts_the_voxels_of_the_mask(written):
    sources, _volume, labels, path = written

    wanted = {
        place: int((labels == segment.number).sum())
        for place, segment in enumerate(sided_card().segments, start=1)
    }
    assert wanted == count_voxels(path, sources)


def test_dcmqi_finds_every_segment_at_its_place_in_the_patient(written, tmp_path):
    _sources, volume, labels, path = written

    for segment, read in zip(
        sided_card().segments, read_segments(path, tmp_path / "itk"), strict=True
    ):
        assert (segment.label, segment.type.value) == (read.label, read.type_code)
        mask = sitk.GetArrayFromImage(read.image) > 0
        assert int((labels == segment.number).sum()) == int(mask.sum())
        found = _places(mask, read.image)
        np.testing.assert_allclose(_meant(labels == segment.number, volume), found, atol=0.01)


def _places(mask, image):
    """Sorted places of the voxels in millimetres, by the ITK image's own geometry."""
    indices = np.argwhere(mask)[:, ::-1] * np.array(image.GetSpacing())
    direction = np.array(image.GetDirection()).reshape(3, 3)
    return _sorted(indices @ direction.T + np.array(image.GetOrigin()))


def _meant(mask, volume):
    indices = np.argwhere(mask)[:, ::-1]
    return _sorted(indices @ volume.affine[:3, :3].T + volume.affine[:3, 3])


def _sorted(places):
    places = places.round(2) + 0.0
    return places[np.lexsort(places.T)]


def test_objects_of_one_segment_each_are_counted_one_by_one(tmp_path):
    volume = a_stack(tmp_path / "source", **KINDS["125x127"])
    labels = a_mask(volume)
    paths = write_mask(volume, labels, tmp_path / "results", SINGLE)
    sources = sorted((tmp_path / "source").iterdir())

    for segment, path in zip(sided_card().segments, paths, strict=True):
        wanted = int((labels == segment.number).sum())
        assert {1: wanted} == count_voxels(path, sources)
        (read,) = read_segments(path, tmp_path / f"itk{segment.number}")
        assert (segment.label, wanted) == (
            read.label, np.count_nonzero(sitk.GetArrayFromImage(read.image)),
        )  # fmt: skip


# What a label map must have (PS3.3 2024d C.8.20.2) and a segmentation of older editions must not.
LABEL_MAP_ALONE = {
    "Segmentation Image: EnumValueNotAllowed SegmentationType",
    "Segmentation: TagMissing SharedFunctionalGroupsSequence.SegmentIdentificationSequence",
    "Error - <SegmentationType(0062,0001)[1]> - Unrecognized enumerated value = <LABELMAP>",
    "Error - <SegmentIdentificationSequence(0062,000a)> - Missing attribute for Type 1 Required - "
    "Module=<SegmentationMacro>",
    "Error - <SegmentNumber(0062,0004)[1]> - Value is zero",
    "Error - <SegmentNumber(0062,0004)> - SegmentNumber not monotonically increasing from one by "
    "one - have SegmentSequence item number 1 (from one) with SegmentNumber of 0",
}


def test_judges_of_older_editions_find_nothing_in_a_label_map_but_that_it_is_one(tmp_path):
    volume = a_stack(tmp_path / "source")
    (path,) = write_mask(volume, a_mask(volume), tmp_path / "results", LABELMAP)
    seg = pydicom.dcmread(path)
    seg.SOPClassUID = seg.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    seg.save_as(tmp_path / "as_seg.dcm")

    found = violations(tmp_path / "as_seg.dcm") | errors_of(tmp_path / "as_seg.dcm")
    assert found == LABEL_MAP_ALONE
    assert {"UnknownSOPClassUID"} == violations(path)
    assert "Error - Information Object Not found" in errors_of(path)
