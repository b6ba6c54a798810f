"""SEG-13 and ENH-04: names in any character set arrive as they were, and our texts beside them."""

from __future__ import annotations

import pydicom
import pytest
from pydicom import Dataset

from pipelines.request import Equipment
from tests.builders import a_series
from tests.unit.pipelines.stand_ins import a_card, run_card

# Character set, bytes, text; the eastern ones are the examples of PS3.5 annexes H to K.
NAMES = [
    ("ISO_IR 100", b"Buc^J\xe9r\xf4me", "Buc^Jérôme"),
    (
        "ISO_IR 127",
        b"\xe2\xc8\xc7\xe6\xea^\xe4\xe6\xd2\xc7\xd1",
        "\u0642\u0628\u0627\u0646\u064a^\u0644\u0646\u0632\u0627\u0631",  # Arabic
    ),
    ("ISO_IR 144", b"\xbb\xee\xda^\xda\xde\xdc", "Люк^ком"),
    (
        ["", "ISO 2022 IR 87"],
        b"Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B=\x1b$B$d$^$@\x1b(B^\x1b$B$?$m$&\x1b(B",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
    ),
    (
        ["ISO 2022 IR 13", "ISO 2022 IR 87"],
        b"\xd4\xcf\xc0\xde^\xc0\xdb\xb3=\x1b$B;3ED\x1b(J^\x1b$BB@O:\x1b(J"
        b"=\x1b$B$d$^$@\x1b(J^\x1b$B$?$m$&\x1b(J",
        "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう",
    ),
    (
        ["", "ISO 2022 IR 149"],
        b"Hong^Gildong=\x1b$)C\xfb\xf3^\x1b$)C\xd1\xce\xd4\xd7"
        b"=\x1b$)C\xc8\xab^\x1b$)C\xb1\xe6\xb5\xbf",
        "Hong^Gildong=洪^吉洞=홍^길동",
    ),
    (
        ["", "ISO 2022 IR 58"],
        b"Zhang^XiaoDong=\x1b$)A\xd5\xc5^\x1b$)A\xd0\xa1\xb6\xab=",
        "Zhang^XiaoDong=张^小东=",
    ),
    ("GB18030", b"Wang^XiaoDong=\xcd\xf5^\xd0\xa1\xb6\xab", "Wang^XiaoDong=王^小东"),
    ("ISO_IR 192", "Wang^XiaoDong=王^小東".encode(), "Wang^XiaoDong=王^小東"),
]
ALL_NAMES = pytest.mark.parametrize(("charset", "name", "text"), NAMES)


def series(charset, name, **attributes):
    return a_series(slices=3, SpecificCharacterSet=charset, PatientName=name,
                    PatientComments=name, **attributes)  # fmt: skip


def results(tmp_path, images, card, **request) -> list[Dataset]:
    manifest, folder = run_card(card, images, tmp_path, **request)
    return [pydicom.dcmread(folder / output.file) for output in manifest.outputs]


def bytes_of(dataset: Dataset, keyword: str) -> bytes:
    return bytes(dataset.get_item(keyword).value).rstrip()


@ALL_NAMES
def test_enh_04_a_name_keeps_its_bytes_in_the_enhanced_image(tmp_path, charset, name, text):
    derived = results(tmp_path, series(charset, name), a_card())[0]

    assert charset == derived.SpecificCharacterSet
    assert name == bytes_of(derived, "PatientName")


@ALL_NAMES
def test_seg_13_a_name_is_told_in_utf_8_by_segmentation_and_report(tmp_path, charset, name, text):
    card = a_card("above", parameters={"low": -24.0, "high": 1e9})
    made = results(tmp_path, series(charset, name), card)

    assert ["SEG", "SR"] == [result.Modality for result in made]
    for result in made:
        assert "ISO_IR 192" == result.SpecificCharacterSet
        assert text.encode() == bytes_of(result, "PatientName")
        assert text.encode() == bytes_of(result, "PatientComments")


@ALL_NAMES
def test_our_own_name_that_does_not_fit_turns_every_text_to_utf_8(tmp_path, charset, name, text):
    item = Dataset()
    item.add_new("CodeMeaning", "LO", name)
    equipment = Equipment(institution_name="Ελλάδα 病院")
    images = series(charset, name, ProcedureCodeSequence=[item], InstitutionName=name)
    derived = results(tmp_path, images, a_card(), equipment=equipment)[0]

    if charset in ("GB18030", "ISO_IR 192"):
        assert charset == derived.SpecificCharacterSet
    else:
        assert "ISO_IR 192" == derived.SpecificCharacterSet
        assert text.encode() == bytes_of(derived, "PatientName")
    assert text == derived.ProcedureCodeSequence[0].CodeMeaning
    assert text == derived.ContributingEquipmentSequence[0].InstitutionName
    assert "Ελλάδα 病院" == derived.InstitutionName


def test_our_own_name_that_fits_keeps_the_sources_character_set(tmp_path):
    equipment = Equipment(institution_name="Universitätsklinikum")
    derived = results(tmp_path, series("ISO_IR 100", b"Buc^J\xe9r\xf4me"), a_card(),
                      equipment=equipment)[0]  # fmt: skip

    assert "ISO_IR 100" == derived.SpecificCharacterSet
    assert "Universitätsklinikum" == derived.InstitutionName


def test_a_default_character_set_holds_ascii_alone(tmp_path):
    equipment = Equipment(institution_name="Universitätsklinikum")
    images = a_series(slices=3, SpecificCharacterSet=None)
    derived = results(tmp_path, images, a_card(), equipment=equipment)[0]

    assert "ISO_IR 192" == derived.SpecificCharacterSet
    assert "Universitätsklinikum" == derived.InstitutionName


@ALL_NAMES
def test_enh_08_a_description_in_any_character_set_takes_our_suffix(tmp_path, charset, name, text):
    images = series(charset, name, SeriesDescription=name)
    derived = results(tmp_path, images, a_card())[0]

    assert charset == derived.SpecificCharacterSet
    assert name + b" made" == bytes_of(derived, "SeriesDescription")


def test_bytes_that_are_no_text_do_not_stop_a_run(tmp_path):
    images = series("ISO_IR 192", b"Buc^J\xe9r\xf4me")
    card = a_card("above", parameters={"low": -24.0, "high": 1e9})

    assert ["SEG", "SR"] == [made.Modality for made in results(tmp_path / "seg", images, card)]
    derived = results(tmp_path / "enhanced", images, a_card())[0]
    assert b"Buc^J\xe9r\xf4me" == bytes_of(derived, "PatientName")
