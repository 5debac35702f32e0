"""The dataset to share: each anatomical image in its defaced version."""
