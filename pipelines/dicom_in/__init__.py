"""Instances of one series in, pixels with their place out; what does not fit is refused."""

from pipelines.dicom_in.frames import read_frames
from pipelines.dicom_in.volume import read_volume, read_volumes

__all__ = ["read_frames", "read_volume", "read_volumes"]
