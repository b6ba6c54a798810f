"""What can go wrong between this node and a peer.

PeerError
├── PeerUnreachable       no connection, no answer in time, or an association that broke off
└── AssociationRefused    the peer answered, and declined

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
