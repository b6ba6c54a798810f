"""Readers written by others see every segmentation as it was meant: OHIF's and dcmqi."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from tests.judges.dcmqi import read_segments
from tests.judges.ohif import count_voxels
from tests.unit.pipelines.segmented import STACKS, a_mask, a_stack, sided_card, write_mask

KINDS = {**STACKS, "512x512": {"slices": 3, "rows": 512, "columns": 512}}


@pytest.fixture(scope="module", params=KINDS)
def written(request, tmp_path_factory):
    """Source files, volume, mask and SEG file of each stack."""
    folder = tmp_path_factory.mktemp("stack")
    volume = a_stack(folder / "source", **KINDS[request.param])
    labels = a_mask(volume)
    (path,) = write_mask(volume, labels, folder / "results")
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
