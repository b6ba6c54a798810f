"""Cards: what is shipped is whole, what is wrong is told by file and key."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pipelines.errors import CardInvalid, WeightsMissing
from pipelines.models.weights import read_weights
from pipelines.registry import load_card, load_cards, resolve
from tests.unit.pipelines.stand_ins import a_card

CARD = """
name = "some-enhance"
version = "1.0"
title = "Some"
kind = "enhance"
entry = "pipelines.some:enhance"
method = "classical"
intended_use = "x"
not_for = "x"
licence = "Apache-2.0"
suffix = " made"
[limits]
modalities = ["CT"]
input = "volume"
[evidence]
text = "x"
command = "x"
[derivation]
value = "DENOISE"
scheme = "99DICOMNODE"
meaning = "Noise reduction"
"""
SHIPPED = sorted(load_cards())


def a_file(tmp_path, text, name="some"):
    path = tmp_path / "ct" / "cards" / f"{name}.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_card_is_whole(name):
    card = load_cards()[name]

    assert callable(resolve(card))
    assert len(card.intended_use) > 20
    assert len(card.not_for) > 20
    assert card.licence
    assert len(card.evidence.text) > 20
    assert (card.method == "network") == (card.weights is not None)
    if card.weights and card.weights_path:
        assert read_weights(card.weights_path, card.weights.sha256)
        assert all(each.licence and len(each.sha256) >= 16 for each in card.training_data)


def test_loading_cards_loads_neither_torch_nor_highdicom():
    script = (
        "import sys; from pipelines.registry import load_cards; load_cards();"
        "print(sorted({'torch', 'highdicom', 'pydicom', 'scipy'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert "[]\n" == done.stdout


def test_a_card_knows_the_folder_of_its_weights(tmp_path):
    a_file(tmp_path, CARD)

    assert tmp_path / "ct" / "cards" == load_cards(tmp_path)["some-enhance"].folder


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "Some"', 'tilte = "Some"', "title"),
        ('input = "volume"', 'input = "volume"\nslice = 3', "limits.slice"),
        ('intended_use = "x"', 'intended_use = ""', "intended_use"),
        ('licence = "Apache-2.0"', "", "licence"),
        ('text = "x"', 'text = ""', "evidence.text"),
        ('kind = "enhance"', 'kind = "segment"', "segments"),
        ('method = "classical"', 'method = "network"', "weights"),
        ("[derivation]", "[weights]", "weights"),
        ('suffix = " made"', 'suffix = " größer"', "suffix"),
        ('entry = "pipelines.some:enhance"', 'entry = "pipelines.some"', "entry"),
        ("[limits]", "[limits", "not TOML"),
    ],
)
def test_a_wrong_card_is_told_by_file_and_key(tmp_path, old, new, told):
    path = a_file(tmp_path, CARD.replace(old, new))

    with pytest.raises(CardInvalid, match=told) as caught:
        load_card(path)

    assert "some.toml" in str(caught.value)


def test_two_cards_of_one_name_are_told(tmp_path):
    a_file(tmp_path, CARD)
    a_file(tmp_path, CARD, "other")

    with pytest.raises(CardInvalid, match="a second card is called some-enhance"):
        load_cards(tmp_path)


@pytest.mark.parametrize("entry", ["pipelines.nowhere:enhance", "pipelines.run:nothing"])
def test_an_entry_that_does_not_exist_is_told(entry):
    with pytest.raises(CardInvalid, match="cannot be loaded"):
        resolve(a_card(entry=entry))


def test_weights_with_another_hash_are_refused(tmp_path):
    path = tmp_path / "w.safetensors"
    path.write_bytes(b"other")

    with pytest.raises(WeightsMissing, match="another SHA-256"):
        read_weights(path, "0" * 64)
    with pytest.raises(WeightsMissing, match="cannot be read"):
        read_weights(tmp_path / "absent", "0" * 64)
