"""Settings: what there is to set (`settings`), and where it is read from (`load`)."""

from dicom_node.config.audit import AuditSection, RepositorySection
from dicom_node.config.doors import TitleSection, TlsSection
from dicom_node.config.load import load_settings
from dicom_node.config.profiles import ProfileSection
from dicom_node.config.research import ResearchSection
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
)
from dicom_node.config.values import PRIORITIES, AETitle, Priority, is_loopback

__all__ = [
    "PRIORITIES",
    "AETitle",
    "AuditSection",
    "DatabaseSection",
    "DeliverSection",
    "JobsSection",
    "LogSection",
    "NodeSection",
    "PeerSection",
    "Priority",
    "ProfileSection",
    "ReceiveSection",
    "RepositorySection",
    "ResearchSection",
    "ResultsSection",
    "RulesSection",
    "Settings",
    "TitleSection",
    "TlsSection",
    "WebSection",
    "is_loopback",
    "load_settings",
]
