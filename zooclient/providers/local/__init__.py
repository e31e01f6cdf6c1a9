"""Folders and weight files on this machine."""
