"""ENH-17, ENH-18: values go back into the source's bits without wrapping, shifting or padding."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipelines.dicom_in.values import padding_mask, rescale
from pipelines.dicom_out.stored import Values, to_stored
from pipelines.stored_pixels import bits_range, decode
from tests.builders import an_image

SHAPE = (4, 6)


@st.composite
def images(draw):
    """A one-slice image of any bits, sign, rescale and padding, and its pixels."""
    signed = draw(st.booleans())
    bits = draw(st.integers(9, 16))
    low, high = (-(1 << (bits - 1)), (1 << (bits - 1)) - 1) if signed else (0, (1 << bits) - 1)
    kind = np.int16 if signed else np.uint16
    plane = draw(arrays(kind, SHAPE, elements=st.integers(low, high)))
    image = an_image("CT", 0, plane, BitsStored=bits, HighBit=bits - 1)
    image.RescaleSlope = draw(st.sampled_from(["1", "2.5", "0.03", "-1", "731.2"]))
    image.RescaleIntercept = draw(st.sampled_from(["0", "-1024", "3.5"]))
    if draw(st.booleans()):
        image.PixelPaddingValue = draw(st.integers(low, high))
        image["PixelPaddingValue"].VR = "SS" if signed else "US"
    return image


def values_of(image, change):
    pixels = decode(image)
    before = rescale(image, pixels.values)
    after = (before + np.float32(change)).astype(np.float32)
    return pixels, Values(before, after, padding_mask(image, pixels))


@settings(max_examples=60, deadline=None)
@given(images())
def test_what_is_left_alone_keeps_its_bits(image):
    pixels, values = values_of(image, 0)

    stored = to_stored(image, pixels, values)

    np.testing.assert_array_equal(pixels.words, stored.words)
    assert 0 == stored.clipped


@settings(max_examples=100, deadline=None)
@given(images(), st.floats(-3000, 3000, width=32))
def test_changed_values_are_the_nearest_that_fit(image, change):
    pixels, values = values_of(image, change)
    low, high = bits_range(image)

    stored = to_stored(image, pixels, values)

    np.testing.assert_array_equal(pixels.words[values.padding], stored.words[values.padding])
    found = stored.words[~values.padding].astype(np.float64)
    assert ((found >= low) & (found <= high)).all()
    slope, intercept = float(image.RescaleSlope), float(image.RescaleIntercept)
    wanted = ((values.after[~values.padding] - np.float64(intercept)) / slope).clip(low, high)
    nearest = 1.5 if "PixelPaddingValue" in image else 0.5
    assert np.abs(found - wanted).max(initial=0) <= nearest + 0.01
    if "PixelPaddingValue" in image:
        assert not (found == image.PixelPaddingValue).any()


def test_halves_are_rounded_to_even():
    plane = np.zeros((1, 6), np.int16)
    image = an_image("CT", 0, plane, RescaleIntercept=0)
    pixels = decode(image)
    after = np.array([[[0.5, 1.5, 2.5, -0.5, -1.5, 3.49]]], np.float32)

    stored = to_stored(image, pixels, Values(np.full_like(after, 9), after, None))

    assert [0, 2, 2, 0, -2, 3] == stored.words[0, 0].tolist()


def test_a_value_inside_the_padding_range_goes_to_its_nearer_side():
    image = an_image(
        "CT", 0, np.zeros((1, 5), np.int16), RescaleIntercept=0, PixelPaddingValue=-10,
        PixelPaddingRangeLimit=10,
    )  # fmt: skip
    image.PixelPaddingValue, image.PixelPaddingRangeLimit = 100, 110
    after = np.array([[[99, 101, 104, 108, 111]]], np.float32)
    before = np.zeros_like(after)

    stored = to_stored(image, decode(image), Values(before, after, None))

    assert [99, 99, 99, 111, 111] == stored.words[0, 0].tolist()


def test_at_the_end_of_the_range_the_one_free_side_is_taken():
    image = an_image("CT", 0, np.ones((1, 3), np.uint16), RescaleIntercept=0, PixelPaddingValue=0)
    after = np.array([[[0, -5, 3]]], np.float32)

    stored = to_stored(image, decode(image), Values(np.ones_like(after), after, None))

    assert [1, 1, 3] == stored.words[0, 0].tolist()
