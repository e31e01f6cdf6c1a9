"""Content-addressed blobs, snapshots that exist only whole, and the one door between ingest and them."""
