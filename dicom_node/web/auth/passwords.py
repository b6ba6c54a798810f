"""Passwords are kept as argon2id hashes; checking one takes the same time for every login name."""

from __future__ import annotations

import secrets
import threading

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

SHORTEST = 12
LONGEST = 256

_HASHER = PasswordHasher()  # RFC 9106, second recommended option: 64 MiB each
_TURNS = threading.BoundedSemaphore(2)  # a flood of logins must not take all memory
_NOBODYS = _HASHER.hash(secrets.token_bytes(32))  # checked where there is no account


def hash_password(password: str) -> str:
    """The argon2id hash of a password, salt and parameters in it."""
    with _TURNS:
        return _HASHER.hash(password.encode("utf-8", "surrogatepass"))


def is_right(password: str, password_hash: str | None) -> bool:
    """Whether the password belongs to the hash; as slow for None, where there is no account."""
    checked = _NOBODYS if password_hash is None else password_hash
    with _TURNS:
        try:
            _HASHER.verify(checked, password.encode("utf-8", "surrogatepass"))
        except (Argon2Error, InvalidHashError):
            return False
    return password_hash is not None


def problem_with(password: str, login: str = "") -> str:
    """Why the password cannot be taken, in one sentence; empty when it can."""
    if len(password) < SHORTEST:
        return f"A password has at least {SHORTEST} characters. A few words are easy to remember."
    if len(password) > LONGEST:
        return f"A password has at most {LONGEST} characters."
    if login and login.casefold() in password.casefold():
        return "A password does not contain the login name."
    if len(set(password)) < 5:
        return "A password has at least 5 different characters."
    return ""
