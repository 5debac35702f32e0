"""BIDS in, BIDS derivatives out."""
