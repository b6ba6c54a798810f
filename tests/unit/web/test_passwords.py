from __future__ import annotations

import pytest

from dicom_node.web.auth.passwords import hash_password, is_right, problem_with


def test_a_password_is_kept_as_argon2id_and_known_again():
    kept = hash_password("a horse in the reading room")

    assert kept.startswith("$argon2id$")
    assert is_right("a horse in the reading room", kept)
    assert not is_right("a horse in the reading rooM", kept)
    assert kept != hash_password("a horse in the reading room")


@pytest.mark.parametrize("kept", [None, "", "not a hash"])
def test_without_a_usable_hash_no_password_is_right(kept):
    assert not is_right("a horse in the reading room", kept)
    assert not is_right("", kept)


@pytest.mark.parametrize(
    ("password", "problem"),
    [
        ("a horse in the reading room", ""),
        ("eleven char", "at least 12"),
        ("x" * 300, "at most 256"),
        ("111111111111", "different"),
        ("my name is ADA, really", "login name"),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(password, problem):
    found = problem_with(password, "ada")

    assert problem in found
    assert bool(problem) == bool(found)
