"""What the bytes of a model's files say, read by content and never run."""

from zooclient.audit.files.catalogue import RULES
from zooclient.audit.files.scan import scan

__all__ = ["RULES", "scan"]
