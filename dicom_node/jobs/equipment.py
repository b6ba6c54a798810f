"""The installation as the equipment that made the results (PS3.3 C.7.5.1, C.12.1)."""

from __future__ import annotations

import os
import uuid
from typing import TYPE_CHECKING

from dicom_node import __version__
from pipelines.request import Equipment

if TYPE_CHECKING:
    from pathlib import Path

    from dicom_node.config import Settings

FILE_NAME = "device-uid"


def device_uid_of(data_folder: Path) -> str:
    """The UID of this installation: made once, then read from the data folder."""
    path = data_folder / FILE_NAME
    try:
        return path.read_text(encoding="ascii").strip()
    except FileNotFoundError:
        pass
    made = f"2.25.{uuid.uuid4().int}"  # PS3.5 B.2
    part = path.with_suffix(".part")
    with part.open("w", encoding="ascii") as file:
        file.write(made + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
    return made


def equipment_of(settings: Settings, device_uid: str) -> Equipment:
    """What results say about their maker."""
    return Equipment(
        manufacturer="dicom-node",
        model="dicom-node",
        software_version=__version__,
        device_uid=device_uid,
        serial=device_uid.removeprefix("2.25.")[:16],
        station_name=settings.node.station_name,
        institution_name=settings.node.institution_name,
    )
