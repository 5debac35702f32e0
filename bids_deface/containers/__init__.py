"""Image files: read and written so that only changed voxels change."""
