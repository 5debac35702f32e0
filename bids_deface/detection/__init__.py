"""Where the features are."""
