"""What holds for every classical pipeline, whatever it is given."""

import numpy as np
import pytest

from pipelines.contract import Enhanced
from pipelines.errors import PipelineRefused
from pipelines.limits import check
from pipelines.registry import load_cards
from tests.unit.pipelines.classical import a_source, blobs, run

CARDS = {name: card for name, card in load_cards().items() if card.method == "classical"}
ENHANCE = [name for name, card in CARDS.items() if card.kind == "enhance"]
SEGMENT = [name for name, card in CARDS.items() if card.kind == "segment"]


def result_of(name, array, padding=None):
    """Pixels or labels, or the code of the refusal."""
    try:
        result = run(name, a_source(name, array, padding))
    except PipelineRefused as refusal:
        return refusal.code
    return result.array if isinstance(result, Enhanced) else result.labels


def test_every_modality_has_both_kinds():
    expected = {"mr", "xr", "us", "pet", "nm"}
    assert expected == {name.split("-")[0] for name in ENHANCE}
    assert expected == {name.split("-")[0] for name in SEGMENT}


@pytest.mark.parametrize("name", ENHANCE)
def test_an_enhancement_changes_pixels_and_keeps_shape_type_and_range(name):
    array = blobs((3, 64, 80), top=200).astype(np.float32)
    after = result_of(name, array)
    assert (array.shape, np.float32) == (after.shape, after.dtype)
    assert np.isfinite(after).all()
    assert np.abs(after - array).max() > 0.1
    assert after.min() >= 0
    assert after.max() <= array.max() * 1.05


@pytest.mark.parametrize("name", CARDS)
def test_the_same_input_gives_the_same_result_and_stays_as_it_was(name):
    array = blobs((3, 48, 64), top=200).astype(np.float32)
    kept = array.copy()
    first = result_of(name, array)
    np.testing.assert_array_equal(first, result_of(name, array))
    np.testing.assert_array_equal(kept, array)


@pytest.mark.parametrize("name", ENHANCE)
@pytest.mark.parametrize("value", [0.0, 7.0])
def test_a_constant_image_stays_as_it_is(name, value):
    array = np.full((3, 32, 32), value, dtype=np.float32)
    np.testing.assert_allclose(result_of(name, array), array, atol=1e-3)


@pytest.mark.parametrize("name", SEGMENT)
def test_a_constant_image_is_refused_or_one_region(name):
    labels = result_of(name, np.full((3, 32, 32), 7.0))
    assert isinstance(labels, str) or len(np.unique(labels)) == 1


@pytest.mark.parametrize("name", CARDS)
def test_sixteen_pixels_are_enough_or_refused(name):
    after = result_of(name, blobs((3, 16, 16), top=200))
    assert isinstance(after, str) or (3, 16, 16) == after.shape


@pytest.mark.parametrize("name", ENHANCE)
def test_enh_18_padding_is_kept_bit_for_bit_and_does_not_leak(name):
    array = blobs((3, 48, 64), top=200).astype(np.float32)
    padding = np.zeros(array.shape, dtype=bool)
    padding[:, :, :12] = True
    array[padding] = -2000
    after = result_of(name, array, padding)
    np.testing.assert_array_equal(array[padding], after[padding])
    # An ultrasound card has no padding to expect: its screens are black where nothing is drawn.
    if name != "us-enhance":
        assert after[~padding].min() > -1


@pytest.mark.parametrize("name", SEGMENT)
def test_padding_belongs_to_no_segment(name):
    array = blobs((3, 64, 64), top=200).astype(np.float32)
    padding = np.zeros(array.shape, dtype=bool)
    padding[:, :20] = True
    labels = result_of(name, array, padding)
    assert isinstance(labels, str) or not labels[padding].any()


@pytest.mark.parametrize("name", CARDS)
def test_cards_name_their_evidence_command_and_what_they_are_not_for(name):
    card = CARDS[name]
    assert card.evidence.command.startswith("python -m pipelines.evaluation.modalities")
    assert len(card.not_for) > 40
    assert (
        "measured" not in card.evidence.text.split(".")[0].lower() or len(card.evidence.text) > 80
    )
    assert card.references


@pytest.mark.parametrize("name", ["mr-enhance", "mr-segment", "pet-enhance", "pet-segment"])
def test_a_single_slice_is_beyond_the_limits(name):
    source = a_source(name, blobs((1, 64, 64)))
    source.sources[0].FrameOfReferenceUID = "1.2.3"
    with pytest.raises(PipelineRefused) as refusal:
        check(CARDS[name], source)
    assert "slices" == refusal.value.code
