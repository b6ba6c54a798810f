"""Tells a peer what is safe over an association of our own, in the SCP's role (PS3.4 J.3.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pynetdicom import build_context, build_role

from dicom_node.net.commitment import PUSH_MODEL, PUSH_MODEL_INSTANCE, Report
from dicom_node.net.errors import AssociationRefused, PeerUnreachable
from dicom_node.net.scu import close_association, name_of, open_association
from dicom_node.net.status import Status

if TYPE_CHECKING:
    from dicom_node.config import PeerSection


def call_back(peer: PeerSection, our_aet: str, report: Report, timeout_s: float) -> None:
    """Return when the peer has confirmed the report.

    Raises
    ------
    PeerUnreachable
        No connection, or no answer to the report.
    AssociationRefused
        It declined the association or the report.
    """
    # We ask for the association, but the peer stays the SCU: PS3.7 D.3.3.4.
    role = build_role(PUSH_MODEL, scu_role=False, scp_role=True)
    association = open_association(
        peer, our_aet, timeout_s, [build_context(PUSH_MODEL)], roles=[role]
    )
    try:
        # Whether it confirmed our role is not looked at: some peers take reports and do not say so.
        answer, _ = association.send_n_event_report(
            report.dataset(), report.event_type, PUSH_MODEL, PUSH_MODEL_INSTANCE
        )
    except (RuntimeError, ValueError):  # it broke off between opening and telling
        raise PeerUnreachable(f"{name_of(peer)} broke the association off") from None
    finally:
        close_association(association)
    if "Status" not in answer:
        raise PeerUnreachable(f"{name_of(peer)} did not answer the storage commitment report")
    if answer.Status != Status.SUCCESS:
        raise AssociationRefused(
            f"{name_of(peer)} answered the storage commitment report with 0x{answer.Status:04X}"
        )
