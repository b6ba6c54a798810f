"""Pictures of received and produced objects, drawn from the DICOM files with pydicom and numpy."""
