"""The key that signs what proves the audit trail, and the keys that it is checked with.

Ed25519 (RFC 8032). A key is known by the first 16 hex digits of the SHA-256 of its public half.
Only what signs or checks loads this module: who records an event needs no key.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from storage.errors import KeyUnusable
from storage.files.durable import sync_folder, write_all

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_PEM = re.compile(rb"-----BEGIN PUBLIC KEY-----.+?-----END PUBLIC KEY-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with its name."""

    private: Ed25519PrivateKey
    id: str

    @classmethod
    def of(cls, private: Ed25519PrivateKey) -> SigningKey:
        """The key under the name that its public half gives it."""
        return cls(private, id_of(private.public_key()))

    def sign(self, content: bytes) -> str:
        """The signature of `content`, 128 hex digits."""
        return self.private.sign(content).hex()

    @property
    def public_pem(self) -> bytes:
        """The public half as a PEM block, to be given to who checks."""
        return pem_of(self.private.public_key())


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The public keys that are trusted, by their names."""

    keys: Mapping[str, Ed25519PublicKey]

    @classmethod
    def of(cls, keys: Iterable[Ed25519PublicKey]) -> KeyRing:
        """The ring of these keys."""
        return cls({id_of(key): key for key in keys})

    def fits(self, key_id: str, signature: str, content: bytes) -> bool:
        """Whether a trusted key of this name made `signature` over `content`."""
        key = self.keys.get(key_id)
        if key is None:
            return False
        try:
            key.verify(bytes.fromhex(signature), content)
        except (InvalidSignature, ValueError):
            return False
        return True


def id_of(key: Ed25519PublicKey) -> str:
    """The name of a public key."""
    return hashlib.sha256(key.public_bytes(Encoding.Raw, PublicFormat.Raw)).hexdigest()[:16]


def pem_of(key: Ed25519PublicKey) -> bytes:
    """A public key as a PEM block."""
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def key_from_text(text: str) -> SigningKey:
    """The key in a PEM block (PKCS #8), or in the Base64 of its 32 bytes.

    Raises
    ------
    KeyUnusable
        It is neither. The message does not repeat the text.
    """
    try:
        if "-----BEGIN" in text:
            private = load_pem_private_key(text.encode("ascii"), password=None)
        else:
            private = Ed25519PrivateKey.from_private_bytes(base64.b64decode(text, validate=True))
    except (ValueError, TypeError, UnsupportedAlgorithm, binascii.Error):
        raise KeyUnusable("the audit key is neither PEM (PKCS #8) nor Base64 of 32 bytes") from None
    if not isinstance(private, Ed25519PrivateKey):
        raise KeyUnusable("the audit key is no Ed25519 key")
    return SigningKey.of(private)


def read_or_make_key(path: Path) -> SigningKey:
    """The key in the file; one is made there, 0600 and on disk, where there is no file.

    Raises
    ------
    KeyUnusable
        The file is no key, cannot be read or written, or others than its owner may read it.
    """
    try:
        _make(path)
    except FileExistsError:
        pass
    except OSError as error:
        raise KeyUnusable(f"cannot make the audit key {path}: {error.strerror}") from None
    try:
        if path.stat().st_mode & 0o077:
            raise KeyUnusable(f"others may read the audit key {path}: chmod 600 it")
        text = path.read_text(encoding="ascii")
    except UnicodeDecodeError:
        text = ""
    except OSError as error:
        raise KeyUnusable(f"cannot read the audit key {path}: {error.strerror}") from None
    return key_from_text(text.strip())


def _make(path: Path) -> None:
    """Make the file, whole from its first moment: it is written under another name."""
    if path.exists():
        raise FileExistsError
    pem = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    part = path.with_name(f"{path.name}.{secrets.token_hex(8)}.part")
    try:
        _write(part, pem)
        os.link(part, path)  # never over a key that another process made meanwhile
    finally:
        part.unlink(missing_ok=True)
    sync_folder(path.parent)


def read_public_keys(path: Path) -> KeyRing:
    """Every Ed25519 key among the PEM blocks of the file.

    Raises
    ------
    KeyUnusable
        The file cannot be read or holds none.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise KeyUnusable(f"cannot read the public key {path}: {error.strerror}") from None
    found = []
    for block in _PEM.findall(content):
        try:
            key = load_pem_public_key(block)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, Ed25519PublicKey):
            found.append(key)
    if not found:
        raise KeyUnusable(f"{path} holds no Ed25519 public key in PEM")
    return KeyRing.of(found)


def add_public_key(path: Path, key: SigningKey) -> None:
    """Have the file hold the key's public half beside those of earlier keys, or KeyUnusable."""
    try:
        if path.exists() and key.id in read_public_keys(path).keys:
            return
        _write(path, key.public_pem)
        sync_folder(path.parent)
    except OSError as error:
        raise KeyUnusable(f"cannot write the public key {path}: {error.strerror}") from None


def _write(path: Path, content: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        write_all(descriptor, [content])
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
