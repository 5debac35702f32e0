"""Train the detector."""
