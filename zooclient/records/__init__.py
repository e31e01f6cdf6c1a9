"""Frozen values: what is asked, claimed, planned and held. No file, no socket, no clock."""
