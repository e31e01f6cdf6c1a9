"""A process that fetches one file, to be killed by a test: URL, size, sha256, folder, connections."""

from __future__ import annotations

import sys
from pathlib import Path

from byteserver import FolderSink, bring, item

from zooclient.records.model import FileEntry
from zooclient.settings import Limits

if __name__ == "__main__":
    url, size, sha256, folder, connections = sys.argv[1:]
    file = FileEntry(path="model.bin", size=int(size), digests={"sha256": sha256})
    # The limits that users have.
    bring(FolderSink(Path(folder)), item(file, url), connections=int(connections), limits=Limits())
