"""How the features are hidden."""
