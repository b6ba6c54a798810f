"""What proves this node's audit trail: its key, the public keys to check with, the anchor file.

The key comes from the environment or a file. Its public half is put into ``audit.pub`` in the data
folder, which keeps those of earlier keys: that file is what an auditor takes a copy of.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from storage.anchor import AnchorFile
from storage.notary import Notary
from storage.proof import Proof
from storage.signing import (
    KeyRing,
    SigningKey,
    add_public_key,
    key_from_text,
    read_or_make_key,
    read_public_keys,
)

if TYPE_CHECKING:
    from pathlib import Path

    from dicom_node.config import Settings
    from storage.db.engine import Database

KEY_VARIABLE = "DICOM_NODE_AUDIT_KEY"
"""A key in PEM, or the Base64 of its 32 bytes; it goes before the file."""


def notary_of(db: Database, settings: Settings) -> Notary:
    """Who signs this node's trail.

    Raises
    ------
    KeyUnusable
        The key, or the file of public keys, cannot be read or made.
    """
    key = _key_of(settings)
    public = public_file_of(settings)
    add_public_key(public, key)
    return Notary(db, key, read_public_keys(public), AnchorFile(anchor_of(settings)))


def proof_of(settings: Settings) -> Proof:
    """What the node's trail is checked against; KeyUnusable where its public keys are unreadable.

    A node that was never started has no key: then no signature is trusted.
    """
    public = public_file_of(settings)
    keys = read_public_keys(public) if public.exists() else KeyRing({})
    return Proof(keys, anchor_of(settings))


def archive_folder_of(settings: Settings) -> Path:
    """Where sealed archives of the trail lie."""
    return settings.trail.archive_folder or settings.node.data_folder / "audit-archive"


def public_file_of(settings: Settings) -> Path:
    """The file of public keys."""
    return settings.node.data_folder / "audit.pub"


def anchor_of(settings: Settings) -> Path:
    """The file of checkpoints outside the database."""
    return settings.trail.anchor_file or settings.node.data_folder / "audit.anchor"


def _key_of(settings: Settings) -> SigningKey:
    # Taken out, so that the programs which this process starts do not inherit it.
    written = os.environ.pop(KEY_VARIABLE, "")
    if written:
        return key_from_text(written.strip())
    return read_or_make_key(settings.trail.key_file or settings.node.data_folder / "audit.key")
