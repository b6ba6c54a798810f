"""What is sealed is the canonical JSON of a row, in the same spelling for ever."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.db.types import to_json
from storage.seal import SEALED, canonical, seal_spelled

AT = "2026-01-02T03:04:05.000006+00:00"
TEXTS = [name for name in SEALED if name not in {"seq", "at", "outcome"}]


@given(
    texts=st.lists(st.text(st.characters(codec=None)), min_size=len(TEXTS), max_size=len(TEXTS)),
    seq=st.integers(),
    outcome=st.integers() | st.booleans() | st.none(),
)
def test_it_is_what_the_json_writer_makes_of_the_row(texts, seq, outcome):
    row = {**dict(zip(TEXTS, texts, strict=True)), "seq": seq, "at": AT, "outcome": outcome}

    written = to_json({name: row[name] for name in SEALED})

    assert written == canonical(row, AT)
    assert hashlib.sha256(written.encode()).hexdigest() == seal_spelled(row, AT)


@pytest.mark.parametrize("value", [b"x", 7, None, 1.5, {}])
@pytest.mark.parametrize("name", TEXTS)
def test_a_value_of_another_kind_has_no_seal(name, value):
    row = {**dict.fromkeys(TEXTS, "x"), "seq": 1, "outcome": 0, name: value}

    with pytest.raises(TypeError):
        seal_spelled(row, AT)
