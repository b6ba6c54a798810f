"""dicom-node: a PACS-connected DICOM node that enhances, segments, delivers and audits."""

__version__ = "0.1.0"
