"""Settings: what there is to set (`settings`), and where it is read from (`load`)."""

from dicom_node.config.load import load_settings
from dicom_node.config.settings import (
    PRIORITIES,
    AETitle,
    DatabaseSection,
    DeliverSection,
    JobsSection,
    LogSection,
    NodeSection,
    PeerSection,
    Priority,
    ReceiveSection,
    ResultsSection,
    RulesSection,
    Settings,
    WebSection,
    is_loopback,
)

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
