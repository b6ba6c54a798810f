"""Who tells: what every message says of this node."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dicom_node.config import Settings


@dataclass(frozen=True, slots=True)
class Here:
    """The node as messages name it.

    Attributes
    ----------
    site_id : str
        AuditEnterpriseSiteID; empty: left out.
    source_id : str
        AuditSourceID; also the domain of the node's own accounts.
    host : str
        The machine's name.
    """

    ae_titles: tuple[str, ...]
    site_id: str
    source_id: str
    host: str


def here_of(settings: Settings) -> Here:
    """The node on this machine, as its settings name it."""
    host = socket.gethostname() or "localhost"
    audit = settings.audit
    titles = tuple(settings.own_ae_titles)
    return Here(titles, audit.enterprise_site_id, audit.source_id or host, host)
