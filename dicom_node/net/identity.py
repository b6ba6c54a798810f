"""How this implementation names itself to peers and in files (PS3.7 D.3.3.2)."""

from __future__ import annotations

from dicom_node import __version__

# uuid5(NAMESPACE_OID, "dicom-node implementation") as a UID (PS3.5 B.2); it never changes.
IMPLEMENTATION_CLASS_UID = "2.25.122985630959192329880140526935739094874"
IMPLEMENTATION_VERSION_NAME = f"DICOM-NODE {__version__}"[:16]
