"""What may name a file."""

import pytest

from dicom_node.intake.uid import is_uid


@pytest.mark.parametrize("value", ["1.2.840.10008.1.1", "2.25.0", "1." + "9" * 62, "1.02.3"])
def test_digits_and_dots_are_a_uid(value):
    assert is_uid(value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        ".",
        "..",
        "1..2",
        ".1",
        "1.",
        "1.2/../3",
        "1.2\\3",
        "1.2 ",
        "1.2\0",
        "1.a",
        "\N{ARABIC-INDIC DIGIT ONE}",
        "1" * 65,
    ],
)
def test_anything_else_is_not(value):
    assert not is_uid(value)
