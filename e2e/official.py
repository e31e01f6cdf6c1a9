"""Loads a model with the official client, in a process of its own: it reads its endpoint at import."""

import hashlib
import json
import sys
from pathlib import Path

from huggingface_hub import HfApi, snapshot_download

model, cache = sys.argv[1:]
folder = Path(snapshot_download(model, cache_dir=cache))
files = {
    path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
    for path in folder.rglob("*")
    if path.is_file()
}
info = HfApi().model_info(model, files_metadata=True)
print(json.dumps({"commit": info.sha, "listed": sorted(s.rfilename for s in info.siblings or []), "files": files}))
