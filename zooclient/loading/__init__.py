"""Snapshot → something to compute with: arrays, or the model of a library. Nothing is unpickled unasked."""
