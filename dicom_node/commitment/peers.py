"""Which peers can be called back."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom_node.config import PeerSection, Settings


def reachable(settings: Settings) -> dict[str, PeerSection]:
    """AE title to the first peer of that title that has a host and a port."""
    found: dict[str, PeerSection] = {}
    for peer in settings.peers.values():
        if peer.host and peer.port:
            found.setdefault(peer.ae_title, peer)
    return found
