"""Did it work? Brain, face and verdict."""
