"""What certificates say, read with the openssl program as the judge (NET-08)."""

import subprocess
from datetime import UTC, datetime, timedelta

import pytest

from dicom_node.net.certificate import Certificate, days_left, ends_at
from tests.certificates import Authority, openssl


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("ca") / "ca")


def openssl_s_end(path):
    printed = openssl("x509", "-in", path, "-noout", "-enddate", "-dateopt", "iso_8601")
    return datetime.fromisoformat(printed.partition("=")[2].strip())


@pytest.mark.parametrize("days", [-400, 10, 365 * 20, 365 * 60])  # UTCTime, and from 2050 the other
def test_the_end_is_the_one_that_openssl_reads(authority, days):
    path = authority.issue("node", days=days).certificate

    assert ends_at(path) == openssl_s_end(path)
    assert days_left(path, datetime.now(UTC)) in (days - 1, days)


def test_of_a_chain_the_first_to_end_counts(authority, tmp_path):
    soon, late = (authority.issue("a", days=days).certificate for days in (5, 500))
    chain = tmp_path / "chain.pem"
    chain.write_text(f"text before\n{late.read_text()}{soon.read_text()}")

    assert ends_at(chain) == openssl_s_end(soon)


def test_days_count_down_past_zero(authority):
    path = authority.issue("node", days=30).certificate
    end = ends_at(path)

    assert [days_left(path, end - timedelta(hours=hours)) for hours in (49, 1, -1)] == [2, 0, -1]


@pytest.mark.parametrize("text", ["", "no certificate", "{begin}\nAAAA\n{end}\n"])
def test_what_is_no_certificate_is_named(tmp_path, text):
    path = tmp_path / "node.crt"
    path.write_text(
        text.format(begin="-----BEGIN CERTIFICATE-----", end="-----END CERTIFICATE-----")
    )
    with pytest.raises(ValueError, match=r"node\.crt holds"):
        ends_at(path)


def test_every_cut_of_a_certificate_ends_in_a_value_or_a_plain_error(authority, tmp_path):
    whole = subprocess.run(
        ["/usr/bin/env", "openssl", "x509", "-in", authority.certificate, "-outform", "DER"],
        capture_output=True, check=True,
    ).stdout  # fmt: skip
    import ssl

    path = tmp_path / "cut.crt"
    for length in range(0, len(whole), 7):
        path.write_text(ssl.DER_cert_to_PEM_cert(whole[:length]))
        try:
            assert ends_at(path)
        except ValueError as error:
            assert "holds" in str(error)


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        ("ct.example", True),
        ("CT.Example", True),
        ("urn:ct", True),
        ("example", False),
        ("sha256:" + "0" * 64, True),
        ("sha256:" + "1" * 64, False),
    ],
)
def test_a_certificate_is_called_by_its_names_or_its_fingerprint(wanted, fits):
    certificate = Certificate(("ct.example", "urn:ct"), "sha256:" + "0" * 64)

    assert certificate.is_called(wanted) is fits
