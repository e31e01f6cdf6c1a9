"""What lies in the container image of a version, at ``r8.im``."""
