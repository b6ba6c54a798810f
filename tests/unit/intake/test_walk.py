"""The walker reads what pydicom reads, alike; about the rest it says nothing but that it doubts."""

import io
import struct
import tracemalloc
from collections import Counter
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
)

from dicom_node.intake import elements, window
from dicom_node.intake.elements import elements_of
from dicom_node.intake.errors import Unreadable
from dicom_node.intake.header import WANTED, scan, scan_buffer
from dicom_node.intake.layout import Doubt
from dicom_node.intake.walk import walk
from dicom_node.intake.window import FileWindow, InflatedWindow
from tests.builders import a_series
from tests.fuzz.corpus import data_set_of, pydicom_files
from tests.fuzz.data_sets import SYNTAXES, deflate, grow, mutate
from tests.fuzz.scanner import Way, judge, judge_file
from tests.receiving import encode

PLAIN = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
SOP_INSTANCE_UID = 0x00080018
PATIENT_NAME = 0x00100010
PIXEL_DATA_EXPLICIT = b"\xe0\x7f\x10\0OB\0\0\xff\xff\xff\xff"
ITEM = b"\xfe\xff\0\xe0"
UNDEFINED = b"\xff\xff\xff\xff"
ITEM_END = b"\xfe\xff\x0d\xe0\0\0\0\0"
SEQUENCE_END = b"\xfe\xff\xdd\xe0\0\0\0\0"
UNKNOWN_SEQUENCE = b"\x09\0\1\x10UN\0\0" + UNDEFINED


def walked(encoded: bytes, syntax: str = ExplicitVRLittleEndian):
    return walk(memoryview(encoded), syntax, WANTED)


def an_image_with_everything() -> Dataset:
    """Sequences in sequences of known and of undefined length, and private elements."""
    (image,) = a_series(slices=1)
    inner, outer = Dataset(), Dataset()
    inner.CodeValue = "1"
    outer.ReferencedSOPInstanceUID = "1.2.3"
    outer.PurposeOfReferenceCodeSequence = [inner, Dataset()]
    outer["PurposeOfReferenceCodeSequence"].is_undefined_length = True
    image.ReferencedImageSequence = [outer, Dataset(), outer]
    image["ReferencedImageSequence"].is_undefined_length = True
    outer.is_undefined_length_sequence_item = True
    block = image.private_block(0x0029, "TEST", create=True)
    block.add_new(1, "SQ", [inner])
    image[0x00291001].is_undefined_length = True
    block.add_new(2, "OB", b"\1\2\3\4")
    return image


@pytest.mark.parametrize("syntax", PLAIN)
def test_a_regular_data_set_is_walked_without_pydicom(syntax):
    encoded = encode(an_image_with_everything(), syntax)
    assert Way.WALKED == judge(encoded, syntax)
    vr, name = walked(encoded, syntax)[PATIENT_NAME]
    assert b"Zzphi^Jane" == name
    assert (None if syntax == ImplicitVRLittleEndian else b"PN") == vr


def test_a_deflated_data_set_is_walked_without_pydicom():
    encoded = deflate(encode(an_image_with_everything()))
    assert Way.WALKED == judge(encoded, DeflatedExplicitVRLittleEndian)


def test_encapsulated_pixels_are_walked_by_their_fragments():
    image = an_image_with_everything()
    image.PixelData = encapsulate([SEQUENCE_END * 100, b"\1\2" * 50_000])
    image["PixelData"].VR = "OB"
    image["PixelData"].is_undefined_length = True
    assert Way.WALKED == judge(encode(image), JPEG2000Lossless)


def test_unknown_values_of_undefined_length_have_implicit_items():
    """PS3.5 6.2.2, note 2."""
    item = b"\x09\0\x02\x10\x04\0\0\0ABCD"
    encoded = b"".join([
        UNKNOWN_SEQUENCE, ITEM, UNDEFINED, item, ITEM_END, ITEM, struct.pack("<L", len(item)), item,
        SEQUENCE_END, b"\x10\0\x10\0PN\x02\0A ",
    ])  # fmt: skip
    assert Way.WALKED == judge(encoded, ExplicitVRLittleEndian)
    assert {PATIENT_NAME: (b"PN", b"A ")} == walked(encoded)


@pytest.mark.parametrize(
    ("encoded", "syntax"),
    [
        (b"", ExplicitVRLittleEndian),
        (b"\x10\0\x10\0ZZ\x02\0A ", ExplicitVRLittleEndian),
        (b"\x10\0\x10\0PN\x04\0A ", ExplicitVRLittleEndian),
        (b"\x10\0\x10\0PN\x02\0A \0", ExplicitVRLittleEndian),
        (b"\x10\0\x20\0LO\x02\0A \x10\0\x10\0PN\x02\0A ", ExplicitVRLittleEndian),
        (b"\x10\0\x10\0PN\x02\0A \x10\0\x10\0PN\x02\0B ", ExplicitVRLittleEndian),
        (b"\x10\0\x10\0PN\x02\0A ", ImplicitVRLittleEndian),
        (b"\x10\0\x10\0\x02\0\0\0A ", ExplicitVRLittleEndian),
        (b"\x08\0\5\0US\x02\0A ", ExplicitVRLittleEndian),
        (UNKNOWN_SEQUENCE + ITEM + UNDEFINED + ITEM_END, ExplicitVRLittleEndian),
        (UNKNOWN_SEQUENCE + ITEM_END + SEQUENCE_END, ExplicitVRLittleEndian),
        (UNKNOWN_SEQUENCE + ITEM + b"\4\0\0\0" + ITEM_END + SEQUENCE_END, ExplicitVRLittleEndian),
        (PIXEL_DATA_EXPLICIT + ITEM + b"\4\0\0\0AB" + SEQUENCE_END, ExplicitVRLittleEndian),
        (PIXEL_DATA_EXPLICIT + SEQUENCE_END + b"\0", ExplicitVRLittleEndian),
        (SEQUENCE_END, ImplicitVRLittleEndian),
    ],
)
def test_what_is_irregular_is_left_to_pydicom(encoded, syntax):
    with pytest.raises(Doubt):
        walked(encoded, syntax)
    judge(encoded, syntax)


def test_deep_nesting_is_left_to_pydicom_and_refused_like_before():
    level = UNKNOWN_SEQUENCE + ITEM + UNDEFINED
    end = ITEM_END + SEQUENCE_END
    for depth, way in ((40, Way.WALKED), (60, Way.ASKED), (100_000, Way.REFUSED)):
        inner = b"\x09\0\1\x10" + UNDEFINED + ITEM + UNDEFINED
        assert way == judge(level + inner * (depth - 1) + end * depth, ExplicitVRLittleEndian)


def test_a_value_over_64_kib_counts_as_absent():
    (image,) = a_series(slices=1, ImageType=["A" * 16] * 4000)
    encoded = encode(image, ImplicitVRLittleEndian)
    assert Way.WALKED == judge(encoded, ImplicitVRLittleEndian)
    assert 0x00080008 not in walked(encoded, ImplicitVRLittleEndian)


@pytest.mark.parametrize("piece_bytes", [64, 1000, 65_536])
@pytest.mark.parametrize("syntax", SYNTAXES)
def test_a_window_of_any_size_gives_what_memory_gives(syntax, piece_bytes, monkeypatch):
    monkeypatch.setattr(window, "PIECE_BYTES", piece_bytes)
    is_deflated = syntax == DeflatedExplicitVRLittleEndian
    for seed in range(20):
        encoded = grow(Random(seed), syntax)
        before, behind = b"file meta", b"behind" * (not is_deflated)
        file = io.BytesIO(before + encoded + behind)
        file.seek(len(before))
        in_file = FileWindow(file, len(encoded))
        there = outcome(InflatedWindow(in_file) if is_deflated else in_file, syntax)
        in_memory = memoryview(encoded)
        here = outcome(InflatedWindow(in_memory) if is_deflated else in_memory, syntax)
        assert here == there


def outcome(buffer, syntax: str):
    try:
        return walk(buffer, syntax, WANTED)
    except Doubt:
        return "doubt"


def test_a_zip_bomb_is_walked_in_little_memory():
    """200 MB of pixels in 200 kB: neither they nor a nested sequence of that size is held."""
    image = an_image_with_everything()
    del image.PixelData
    header = encode(image)
    pixels = b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<L", 200_000_000)
    deflated = memoryview(deflate(header + pixels + bytes(200_000_000)))
    tracemalloc.start()
    try:
        found = scan_buffer(deflated, DeflatedExplicitVRLittleEndian)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert image.SOPInstanceUID == found.sop_uid
    assert most < 2_000_000


def test_a_stream_that_would_inflate_without_end_is_refused(monkeypatch):
    monkeypatch.setattr(window, "MOST_INFLATED_BYTES", 1_000_000)
    deflated = deflate(encode(an_image_with_everything()) + bytes(2_000_000))
    with pytest.raises(Unreadable) as refusal:
        scan_buffer(memoryview(deflated), DeflatedExplicitVRLittleEndian)
    assert "the deflated data set is cut off or too large" == str(refusal.value)


def test_a_data_set_made_to_send_pydicom_in_circles_ends_soon():
    """From each element its fragments seem to go on to the last byte, without a delimiter there."""
    header = b"\x09\0\1\x10OB\0\0" + UNDEFINED
    fragment = ITEM + struct.pack("<L", len(SEQUENCE_END + header))
    hostile = (header + fragment + SEQUENCE_END) * 5000
    with pytest.raises(Unreadable) as refusal:
        elements_of(memoryview(hostile), ExplicitVRLittleEndian, WANTED)
    assert "no data set: OSError" == str(refusal.value)


def test_reads_are_bounded(monkeypatch):
    monkeypatch.setattr(elements, "MOST_READS", 10)
    with pytest.raises(Unreadable) as refusal:
        scan_buffer(memoryview(b"\x09\0\1\x10ZZ\0\0" * 20), ExplicitVRLittleEndian)
    assert "no data set: OSError" == str(refusal.value)


def test_only_the_headers_of_a_large_file_are_read():
    (image,) = a_series(slices=1, PixelData=None)
    pixels = b"\xe0\x7f\x10\0OW\0\0" + struct.pack("<L", 400_000_000)
    header = encode(image) + pixels

    class Sparse(io.BytesIO):
        """As long as its pixels say, of which nobody may ask."""

        def read(self, count: int = -1) -> bytes:
            assert 0 <= count <= 65_536
            return super().read(count)

    found = scan(Sparse(header), len(header) + 400_000_000, ExplicitVRLittleEndian)
    assert image.SOPInstanceUID == found.sop_uid


def test_instances_of_a_series_share_what_they_say():
    first, second = (encode(image) for image in a_series(slices=2))
    headers = [scan_buffer(memoryview(one), ExplicitVRLittleEndian) for one in (first, second)]
    assert headers[0].sop_uid != headers[1].sop_uid
    assert headers[0].values is headers[1].values


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_walker_and_pydicom_agree_on_data_sets_of_every_shape(syntax, rng):
    judge_file(grow(rng, syntax), syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
@given(rng=st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_walker_and_pydicom_agree_on_broken_data_sets(syntax, rng):
    judge(mutate(rng, grow(rng, syntax), syntax), syntax)


@pytest.mark.parametrize("syntax", SYNTAXES)
def test_walker_and_pydicom_agree_on_many_data_sets(syntax):
    ways = Counter()
    for seed in range(200):
        rng = Random(seed)
        whole = grow(rng, syntax)
        ways[judge(whole, syntax)] += 1
        judge(mutate(rng, whole, syntax), syntax)
    assert ways[Way.WALKED] > ways[Way.ASKED] > 0


def test_walker_and_pydicom_agree_on_pydicoms_own_test_files():
    found = [data_set_of(path) for path in pydicom_files()]
    ways = Counter(judge_file(*one) for one in found if one)
    print(dict(ways))
    assert ways[Way.WALKED] > 0.6 * ways.total() > 50
