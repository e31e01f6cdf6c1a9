"""Replicate: models that are run where they are hosted."""
