"""What the bytes of a model's files say, read by content and never run."""

from zooclient.auditing.files.catalogue import RULES
from zooclient.auditing.files.scan import scan

__all__ = ["RULES", "scan"]
