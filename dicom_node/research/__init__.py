"""De-identification by PS3.15 Annex E: a DICOM file of a patient becomes one of a project."""
