"""Says why a TLS handshake failed, in words that an admin can act on.

OpenSSL's names of reasons (``err.h``) and codes of verification (``x509_vfy.h``) are stable; its
sentences are not, so they are not passed on where there is one of ours.
"""

from __future__ import annotations

import ssl

# What the peer did, or what its alert says about us.
BY_REASON = {
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the peer sent no certificate",
    "UNSUPPORTED_PROTOCOL": "it offers only TLS 1.0/1.1",
    "TLSV1_ALERT_PROTOCOL_VERSION": "it offers none of TLS 1.2 and 1.3",
    "NO_SHARED_CIPHER": "no cipher in common",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "no signature algorithm in common",
    "NO_SUITABLE_KEY_SHARE": "no key exchange in common",
    "NO_SUITABLE_GROUPS": "no key exchange in common",
    "HTTP_REQUEST": "it speaks no TLS: it seems to be a web browser",
    "WRONG_VERSION_NUMBER": "it speaks no TLS that this node knows",
    "TLSV1_ALERT_UNKNOWN_CA": "it does not know the CA that signed this node's certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "it says that this node's certificate expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "it does not accept this node's certificate",
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN": "it does not accept this node's certificate",
    "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE": "it does not accept this node's certificate",
    "TLSV1_ALERT_DECRYPT_ERROR": "it does not accept this node's certificate",
    "SSLV3_ALERT_HANDSHAKE_FAILURE": "it broke the handshake off: nothing in common",
    "UNEXPECTED_EOF_WHILE_READING": "it broke the handshake off",
}
UNKNOWN_CA = "its certificate is signed by a CA that is not in [tls] ca"
EXPIRED = "its certificate expired"
TOO_WEAK = "its certificate's key or signature is too weak"
# Why its certificate does not verify.
BY_CODE = {
    2: UNKNOWN_CA,
    7: "its certificate is damaged: the CA's signature does not fit",
    9: "its certificate is not valid yet: compare the clocks",
    10: EXPIRED,
    18: UNKNOWN_CA,
    19: UNKNOWN_CA,
    20: UNKNOWN_CA,
    21: UNKNOWN_CA,
    24: "a certificate that signed its certificate is no CA's",
    26: "its certificate is not made for clients (extended key usage)",
    66: TOO_WEAK,
    67: TOO_WEAK,
    68: TOO_WEAK,
}


def in_words(error: OSError, limit_s: float) -> str:
    """The reason of a failed handshake that was given `limit_s`."""
    if isinstance(error, TimeoutError):
        return f"it did not finish the handshake in {limit_s:g} s"
    if isinstance(error, ssl.SSLCertVerificationError):
        said = f"its certificate does not verify: {error.verify_message}"
        return BY_CODE.get(error.verify_code, said)
    is_of_tls = isinstance(error, ssl.SSLError)
    # The second is what Python itself says of a peer that was gone before the handshake began.
    is_end = isinstance(error, (ssl.SSLEOFError, ssl.SSLZeroReturnError))
    if not is_of_tls or is_end or "Closed before" in str(error):
        return "it broke the handshake off"
    reason = getattr(error, "reason", None) or type(error).__name__
    return BY_REASON.get(reason, f"the handshake failed: {reason.replace('_', ' ').lower()}")
