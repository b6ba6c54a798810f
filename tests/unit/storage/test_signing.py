"""The audit key: made once, private, read in both forms, refused in plain words."""

from __future__ import annotations

import base64
import os
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from storage.errors import KeyUnusable
from storage.signing import (
    KeyRing,
    SigningKey,
    add_public_key,
    key_from_text,
    read_or_make_key,
    read_public_keys,
)
from tests.tools import program


def test_a_key_is_made_once_and_is_the_owners_alone(tmp_path):
    before = os.umask(0)
    try:
        made = read_or_make_key(tmp_path / "audit.key")
    finally:
        os.umask(before)

    assert made.id == read_or_make_key(tmp_path / "audit.key").id
    assert [0o600] == [stat.S_IMODE(each.stat().st_mode) for each in tmp_path.iterdir()]


def test_those_who_make_it_at_once_get_the_same(tmp_path):
    with ThreadPoolExecutor(8) as pool:
        made = pool.map(lambda _: read_or_make_key(tmp_path / "audit.key").id, range(8))

    assert 1 == len(set(made))


def test_it_is_read_as_pem_and_as_base64():
    private = Ed25519PrivateKey.generate()
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    raw = base64.b64encode(private.private_bytes_raw()).decode()

    assert SigningKey.of(private).id == key_from_text(pem).id == key_from_text(raw).id


def another_kind() -> str:
    private = generate_private_key(SECP256R1())
    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.mark.parametrize("text", ["", "secret", "c2VjcmV0", "-----BEGIN secret", "ä", None])
def test_what_is_no_key_is_refused_without_repeating_it(text):
    with pytest.raises(KeyUnusable) as refusal:
        key_from_text(another_kind() if text is None else text)

    assert not text or text not in str(refusal.value)


def test_a_key_that_others_may_read_is_refused(tmp_path):
    read_or_make_key(tmp_path / "audit.key")
    (tmp_path / "audit.key").chmod(0o640)

    with pytest.raises(KeyUnusable, match=r"others may read the audit key .*: chmod 600 it"):
        read_or_make_key(tmp_path / "audit.key")


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(KeyUnusable, match=r"cannot make the audit key .*No such file"):
        read_or_make_key(tmp_path / "absent" / "audit.key")


def test_the_public_file_keeps_earlier_keys_and_each_once(tmp_path):
    path = tmp_path / "audit.pub"
    first, second = (read_or_make_key(tmp_path / name) for name in ("1.key", "2.key"))
    for key in (first, second, first, second):
        add_public_key(path, key)

    assert [first.id, second.id] == list(read_public_keys(path).keys)


@pytest.mark.parametrize("content", [b"", b"nothing", b"\xff" * 50])
def test_a_file_without_public_keys_is_said(tmp_path, content):
    (tmp_path / "audit.pub").write_bytes(content)

    with pytest.raises(KeyUnusable, match="holds no Ed25519 public key in PEM"):
        read_public_keys(tmp_path / "audit.pub")


def test_a_signature_is_its_keys_and_its_contents_alone(tmp_path):
    key, other = (read_or_make_key(tmp_path / name) for name in ("1.key", "2.key"))
    ring = KeyRing.of([key.private.public_key()])
    signature = key.sign(b"content")

    assert ring.fits(key.id, signature, b"content")
    assert not ring.fits(key.id, signature, b"other")
    assert not ring.fits(other.id, other.sign(b"content"), b"content")
    assert not ring.fits(key.id, other.sign(b"content"), b"content")
    for broken in ("", "00", "no hex", signature[:-1], signature + "00"):
        assert not ring.fits(key.id, broken, b"content")


def test_openssl_reads_the_key_and_the_public_half(tmp_path):
    import subprocess

    openssl = program("openssl", package="openssl")
    key = read_or_make_key(tmp_path / "audit.key")

    done = subprocess.run(
        [openssl, "pkey", "-in", tmp_path / "audit.key", "-pubout"], capture_output=True, check=True
    )
    assert done.stdout == key.public_pem
