"""Civitai."""
