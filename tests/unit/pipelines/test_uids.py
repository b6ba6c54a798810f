"""Standard A.4: the same work has the same identity, any other work another."""

from __future__ import annotations

import copy

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.uid import UID, JPEG2000Lossless, RLELossless

from pipelines.dicom_out.uids import derive_uid
from pipelines.digest import content_digest
from tests.builders import a_series, an_image, write_series
from tests.unit.pipelines.stand_ins import a_card
from tests.unit.pipelines.ultrasound import a_colour_image

WEIGHTS = {"file": "w", "sha256": "0" * 64, "network": "pipelines.networks.some:Some"}
DATA = [{"name": "n", "source": "s", "licence": "l", "sha256": "0"}]


def an_instance(**attributes):
    return a_series(slices=1, **attributes)[0]


@pytest.mark.parametrize("syntax", [RLELossless, JPEG2000Lossless])
def test_lossless_compression_keeps_the_digest(syntax):
    image = an_instance()
    compressed = copy.deepcopy(image)
    compressed.compress(syntax, generate_instance_uid=False)

    assert content_digest(image) == content_digest(compressed)


def test_colour_in_planes_or_by_pixel_has_one_digest():
    by_pixel, by_plane = a_colour_image(planar=0)[0], a_colour_image(planar=1)[0]
    compressed = copy.deepcopy(by_pixel)
    compressed.compress(RLELossless, generate_instance_uid=False)

    assert content_digest(by_pixel) == content_digest(by_plane) == content_digest(compressed)


def test_reading_values_does_not_change_the_digest(tmp_path):
    (path,) = write_series(tmp_path, [an_instance(WindowCenter=["40", "300.0"])])
    image = pydicom.dcmread(path)
    before = content_digest(image)
    str(image)

    assert before == content_digest(image) == content_digest(an_instance(
        WindowCenter=["40", "300.0"]))  # fmt: skip


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Other"), ("AccessionNumber", ""), ("SliceThickness", "2.5"),
        ("SOPInstanceUID", "1.2.3"), ("PixelPaddingValue", 0), ("Rows", 31),
    ],
)  # fmt: skip
def test_a_corrected_header_changes_the_digest(keyword, value):
    image = an_instance()
    corrected = an_instance(**{keyword: value})

    pixels = np.zeros((1, 1, 1), np.uint8)
    assert content_digest(image, pixels) != content_digest(corrected, pixels)


def test_a_value_inside_a_sequence_counts():
    one, two = pydicom.Dataset(), pydicom.Dataset()
    one.CodeMeaning, two.CodeMeaning = "one", "two"

    first = an_instance(ProcedureCodeSequence=[one])
    second = an_instance(ProcedureCodeSequence=[two])
    both = an_instance(ProcedureCodeSequence=[one, two])

    assert 3 == len({content_digest(image) for image in (first, second, both)})


def test_one_pixel_changes_the_digest():
    plane = np.zeros((4, 4), np.int16)
    other = plane.copy()
    other[3, 3] = 1

    assert content_digest(an_image("CT", 0, plane)) != content_digest(an_image("CT", 0, other))


def test_private_elements_do_not_count():
    image = an_instance()
    before = content_digest(image)
    image.private_block(0x29, "SOMEBODY", create=True).add_new(1, "LO", "x")

    assert before == content_digest(image)


@given(st.lists(st.text("0123456789abcdef", min_size=1, max_size=64), max_size=5))
def test_a_derived_uid_is_valid_and_blind_to_order(digests):
    found = derive_uid("series", digests, a_card(), {})

    assert UID(found).is_valid
    assert len(found) <= 44
    assert found == derive_uid("series", digests[::-1], a_card(), {})


def test_a_derived_uid_depends_on_everything_that_shapes_the_result():
    network = {"method": "network", "training_data": DATA}
    other_weights = {**WEIGHTS, "sha256": "1" * 64}
    uids = [
        derive_uid("series", ["a"], a_card(), {}),
        derive_uid("instance", ["a"], a_card(), {}),
        derive_uid("series", ["b"], a_card(), {}),
        derive_uid("series", ["a", "b"], a_card(), {}),
        derive_uid("series", ["a"], a_card("add"), {}),
        derive_uid("series", ["a"], a_card(version="1.1"), {}),
        derive_uid("series", ["a"], a_card(**network, weights=WEIGHTS), {}),
        derive_uid("series", ["a"], a_card(**network, weights=other_weights), {}),
        derive_uid("series", ["a"], a_card(), {"step": 1.0}),
        derive_uid("series", ["a"], a_card(), {"step": 2.0}),
        derive_uid("series", ["a"], a_card(), {}, "6ba7b810-9dad-11d1-80b4-00c04fd430c8"),
    ]

    assert len(uids) == len(set(uids))


def test_parameters_count_in_any_order():
    one = derive_uid("series", ["a"], a_card(), {"x": 1.0, "y": True})
    two = derive_uid("series", ["a"], a_card(), {"y": True, "x": 1.0})

    assert one == two
