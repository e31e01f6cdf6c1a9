"""The byte engine: located files become verified bytes in a sink."""
