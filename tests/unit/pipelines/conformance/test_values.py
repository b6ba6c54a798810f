"""Bytes against their VR (PS3.5 section 6.2)."""

import pytest

from pipelines.conformance.values import count, faults, known


@pytest.mark.parametrize(
    ("vr", "value"),
    [
        ("DS", b"-1.25e-10\\+3 \\.5"),
        ("DS", b"1234567890.12345"),
        ("IS", b" -2147483648"),
        ("CS", b"ORIGINAL\\PRIMARY "),
        ("UI", b"1.2.840.10008.5.1.4.1.1.2\0"),
        ("UI", b"2.25.340282366920938463463374607431768211455"),
        ("DA", b"20240229"),
        ("TM", b"235959.123456"),
        ("TM", b"07"),
        ("TM", b"235960"),
        ("DT", b"20260102030405.000000+0100"),
        ("AS", b"031Y"),
        ("LO", b"x" * 64),
        ("PN", b"x" * 64 + b"=" + b"y" * 64),
        ("LT", b"two\r\nlines"),
        ("US", b"\0\1\0\1"),
        ("DS", b""),
    ],
)
def test_a_value_that_the_vr_allows_has_no_fault(vr, value):
    assert () == faults(vr, value)


@pytest.mark.parametrize(
    ("vr", "value", "said"),
    [
        ("DS", b"0.12345678901234567", "is longer than the 16 characters of its VR"),
        ("DS", b"1,5", "is no decimal string"),
        ("DS", b"nan", "is no decimal string"),
        ("IS", b"2147483648", "is beyond the range of an integer string"),
        ("IS", b"1.0", "is no integer string"),
        ("CS", b"axial", "holds characters that a code string may not have"),
        ("CS", b"A" * 17, "is longer than the 16 characters of its VR"),
        ("UI", b"1.2.03", "is no valid UID"),
        ("UI", b"1." + b"2" * 63, "is longer than the 64 characters of its VR"),
        ("DA", b"20261301", "is no date"),
        ("TM", b"2400", "is no time"),
        ("SH", b"x" * 17, "is longer than the 16 characters of its VR"),
        ("LO", b"two\nlines", "holds control characters"),
        ("LO", b"caf\xe9", "holds characters outside of Specific Character Set"),
        ("US", b"\0\1\0", "has a length that its VR does not allow"),
    ],
)
def test_a_value_that_the_vr_forbids_is_told_without_the_value(vr, value, said):
    assert said in faults(vr, value)
    assert not any(value.decode("latin-1") in each for each in faults(vr, value))


def test_texts_are_counted_in_characters_not_in_bytes():
    fits, too_long = ("é" * 64).encode(), ("é" * 65).encode()

    assert () == faults("LO", fits, ("utf8",))
    assert ("is longer than the 64 characters of its VR",) == faults("LO", too_long, ("utf8",))
    assert ("holds characters outside of Specific Character Set",) == faults(
        "LO", b"\xff", ("utf8",)
    )


def test_values_are_counted_as_their_vr_writes_them():
    assert 3 == count("DS", b"1\\2\\3 ")
    assert 2 == count("US", b"\0\1\0\2")
    assert count("LT", b"a\\b") is None
    assert count("DS", b"  ") is None


def test_the_dictionary_tells_how_many_values_there_may_be():
    position, kind = known(0x00200032), known(0x00080008)

    assert (3, 3) == (position.fewest, position.most)
    assert (2, None, 1) == (kind.fewest, kind.most, kind.multiple)
    assert known(0x00090010) is None
