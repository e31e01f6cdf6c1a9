"""A mirror of one's own: what it is made of, where it lies, and how it is read."""
