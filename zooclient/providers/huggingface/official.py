"""Bytes through the Hub's own client, ``huggingface_hub``: the way to Xet, and the way on when the wire changes.

It works in a process of its own (see :mod:`zooclient.providers.huggingface.official_child`), into a folder that we
name, without telemetry and without a token but ours. What it brings is not verified: that is done at the store's door.
"""

from __future__ import annotations

import errno
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attrs import frozen

from zooclient import __version__
from zooclient.errors import IntegrityError, NetworkError, ProtocolError, StoreError, Unsupported, ZooError
from zooclient.net.cancel import Cancel
from zooclient.net.exchange import Request, Response
from zooclient.providers.child import OwnClient, ask_child, brought, environment, names_and_texts
from zooclient.providers.huggingface import wire
from zooclient.providers.huggingface.refusal import refusal
from zooclient.providers.reading import line, mapping
from zooclient.records.model import FileEntry, ModelRecord

_CHILD = Path(__file__).with_name("official_child.py")

#: Variables that decide where requests go and what they carry: the child gets them from the settings alone.
_OURS = re.compile(
    r"(?:HF_|HUGGING|ZOOCLIENT_|TRANSFORMERS_|(?:HTTPS?|ALL|NO|FTP)_PROXY$|SSL_CERT_|REQUESTS_CA|CURL_CA|NETRC$)", re.I
)
#: Of those, what the settings' environment may say.
_PASSED = re.compile(
    r"(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|HF_XET_\w+|HF_HUB_DISABLE_XET|HF_HUB_(?:ETAG|DOWNLOAD)_TIMEOUT",
    re.I,
)


@frozen(kw_only=True)
class OfficialHub(OwnClient):
    """``huggingface_hub`` as a source of bytes."""

    def fetch(self, record: ModelRecord, file: FileEntry, *, into: Path, cancel: Cancel) -> Path:
        """Lets the client fetch one file at the pinned commit below ``into``, and returns where it put it.

        Raises:
            Unsupported: ``huggingface_hub`` is not installed, or cannot be guarded.
            Cancelled: The caller wished so; the client was stopped.
            ZooError: What the client failed with, in our words.
        """
        wish = {
            "endpoint": self.endpoint,
            "token": self.token(),
            "repository": record.ref.id,
            "commit": record.ref.revision,
            "path": file.path,
            "folder": str(into / "files"),
            "version": __version__,
        }
        environ = hub_environment(self.endpoint, self.environ, self.proxy, home=into / "home")
        answer = ask_child(_CHILD, wish, environ, cancel)
        found = brought(answer, "huggingface_hub", record, file, into)
        if found is not None:
            return found
        chain = [mapping(link) for link in answer.get("chain") or ()]
        url = wire.file_url(self.endpoint, record.ref.id, record.ref.revision or "", file.path)
        error = judged(chain, Request(url=url), record, file, web=self.endpoint)
        error.about(zoo="hf", ref=str(record.ref), operation="download")
        raise error


def hub_environment(endpoint: str, environ: Mapping[str, str], proxy: str | None, *, home: Path) -> dict[str, str]:
    """Returns the environment of the client's process.

    Args:
        endpoint: Address of the server.
        environ: The environment of the settings.
        proxy: Proxy for this zoo. None: as the environment says.
        home: Folder of the client's own files.
    """
    set_here = {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_CACHE": str(home / "hub"),
        "HF_HUB_DISABLE_IMPLICIT_TOKEN": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    return environment(environ, proxy, ours=_OURS, passed=_PASSED, set_here=set_here)


def judged(
    chain: Sequence[Mapping[str, Any]], request: Request, record: ModelRecord, file: FileEntry, *, web: str
) -> ZooError:
    """Returns our error for what the client raised: by what the server answered where it did, else by name."""
    for link in chain:
        status, headers = link.get("status"), mapping(link.get("headers"))
        if isinstance(status, int) and status >= 300:
            response = Response(request=request, status=status, headers={k: str(v) for k, v in headers.items()})
            return refusal(response, record.ref, "download", web=web)
    names, texts = names_and_texts(chain)
    said = line(texts[0]) if texts else "it said nothing"
    what = f"huggingface_hub could not fetch {file.path} of {record.ref}: {said}"
    if "ModuleNotFoundError" in names or "ImportError" in names:
        return Unsupported(
            f"huggingface_hub cannot be used here: {said}",
            hint='`python -m pip install huggingface_hub` installs it; without via="official" it is not needed.',
        )
    if any(link.get("errno") in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS) for link in chain):
        return StoreError(what)
    if any("onsistency check" in text for text in texts):
        return IntegrityError(what)
    if names & {"FileMetadataError", "HFValidationError", "Crash"}:
        return ProtocolError(what)
    return NetworkError(what)
