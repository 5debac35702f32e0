"""DICOM in, DICOM out: series to volumes and back into the same files, headers de-identified."""
