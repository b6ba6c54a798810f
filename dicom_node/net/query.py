"""What a peer holds: C-FIND as SCU (PS3.4 C.4.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydicom import Dataset
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind

from dicom_node.net.entity import Entity
from dicom_node.net.errors import AssociationRefused, PeerUnreachable

if TYPE_CHECKING:
    from dicom_node.config import PeerSection

PENDING = (0xFF00, 0xFF01)


def find_instances(
    peer: PeerSection, our_aet: str, study_uid: str, series_uid: str, timeout_s: float
) -> set[str]:
    """SOP Instance UIDs that `peer` holds of one series.

    Raises
    ------
    PeerUnreachable
        No association could be made.
    AssociationRefused
        The peer does not answer queries, or the query failed.
    """
    ae = Entity(our_aet)
    ae.acse_timeout = ae.dimse_timeout = ae.network_timeout = ae.connection_timeout = timeout_s
    ae.add_requested_context(StudyRootQueryRetrieveInformationModelFind)
    association = ae.associate(peer.host, peer.port, ae_title=peer.ae_title)
    if not association.is_established:
        raise PeerUnreachable(f"{peer.host}:{peer.port} made no association for a query")
    wanted = Dataset()
    wanted.QueryRetrieveLevel = "IMAGE"
    wanted.StudyInstanceUID = study_uid
    wanted.SeriesInstanceUID = series_uid
    wanted.SOPInstanceUID = ""
    found: set[str] = set()
    try:
        answers = association.send_c_find(wanted, StudyRootQueryRetrieveInformationModelFind)
        for status, identifier in answers:
            if not status or status.Status not in (0x0000, *PENDING):
                raise AssociationRefused("the query ended without success")
            if status.Status in PENDING and identifier is not None:
                found.add(str(identifier.SOPInstanceUID))
    finally:
        association.release()
    return found
