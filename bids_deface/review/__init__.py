"""The local page: choose, run, watch, review, correct, release."""
