"""Random tokens for people's browsers; the database keeps their hashes only."""

from __future__ import annotations

import hashlib
import secrets


def new_token() -> str:
    """256 random bits as text that fits into a URL and a cookie."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> str:
    """What the database keeps of a token: too random to be guessed, so it needs no salt."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
