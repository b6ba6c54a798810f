"""What can go wrong between this node and a peer.

PeerError
├── PeerUnreachable       no connection, no answer in time, or an association that broke off
├── AssociationRefused    the peer answered, and declined
└── HandshakeFailed       a peer that called made no TLS connection
    └── NothingSaid       it did not even try

Messages name the peer and what it said; they carry no patient's value.
"""

from __future__ import annotations

from dicom_node.errors import NodeError


class PeerError(NodeError):
    """A peer could not be used."""


class PeerUnreachable(PeerError):
    """No connection, no answer in time, or an association that broke off."""


class AssociationRefused(PeerError):
    """The peer answered, and declined the association."""


class HandshakeFailed(PeerError):
    """A peer that called made no TLS connection; the message says why, in plain words."""


class NothingSaid(HandshakeFailed):
    """It came and went without a byte, as programs do that only look whether a port is open."""
