"""What can go wrong between this node and a peer.

PeerError
├── PeerUnreachable       no connection, no answer in time, or an association that broke off
├── AssociationRefused    the peer answered, and declined
│   └── ClassesRefused    it takes none of the classes that were proposed
├── HandshakeFailed       a peer that called made no TLS connection
│   └── NothingSaid       it did not even try
└── ConnectionBroken      a connection that this node was reading from is of no use any more
    ├── PeerGone          it ended
    ├── PeerSilent        nothing came for too long
    └── ProtocolViolated  what came is against PS3.8 or PS3.7

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


class ClassesRefused(AssociationRefused):
    """The peer takes none of the SOP classes that were proposed to it."""


class HandshakeFailed(PeerError):
    """A peer that called made no TLS connection; the message says why, in plain words."""


class NothingSaid(HandshakeFailed):
    """It came and went without a byte, as programs do that only look whether a port is open."""


class ConnectionBroken(PeerError):
    """A connection that this node was reading from is of no use any more."""


class PeerGone(ConnectionBroken):
    """The connection ended."""


class PeerSilent(ConnectionBroken):
    """Nothing came for too long."""


class ProtocolViolated(ConnectionBroken):
    """What came is against the upper layer protocol or the message exchange."""
