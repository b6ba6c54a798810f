"""Settings: what there is to set (`settings`), and where it is read from (`load`)."""

from dicom_node.config.load import load_settings
from dicom_node.config.settings import (
    DatabaseSection,
    DeliverSection,
    JobsSection,
    LogSection,
    NodeSection,
    PeerSection,
    ReceiveSection,
    ResultsSection,
    RulesSection,
    Settings,
    WebSection,
    is_loopback,
)
from dicom_node.config.values import PRIORITIES, AETitle, Priority

__all__ = [
    "PRIORITIES",
    "AETitle",
    "DatabaseSection",
    "DeliverSection",
    "JobsSection",
    "LogSection",
    "NodeSection",
    "PeerSection",
    "Priority",
    "ReceiveSection",
    "ResultsSection",
    "RulesSection",
    "Settings",
    "WebSection",
    "is_loopback",
    "load_settings",
]
