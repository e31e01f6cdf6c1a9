"""Model zoos behind one interface: search, resolve, download, load."""

__version__ = "0.1.0"
