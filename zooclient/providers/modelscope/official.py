"""Bytes through the zoo's own client, ``modelscope``: the way on when the wire changes.

It works in a process of its own (see :mod:`zooclient.providers.modelscope.official_child`), into a folder that we
name, without the probe for servers inside a cloud and without a token but ours. What it brings is not verified: that
is done at the store's door, because the client is known to store an error's body as the file.
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
from zooclient.providers.modelscope import wire
from zooclient.providers.modelscope.refusal import refusal
from zooclient.providers.reading import line, mapping
from zooclient.records.model import FileEntry, ModelRecord

_CHILD = Path(__file__).with_name("official_child.py")

#: Variables that decide where requests go and what they carry: the child gets them from the settings alone.
_OURS = re.compile(
    r"(?:MODELSCOPE_|ZOOCLIENT_|(?:HTTPS?|ALL|NO|FTP)_PROXY$|SSL_CERT_|REQUESTS_CA|CURL_CA|NETRC$)", re.IGNORECASE
)
#: Of those, what the settings' environment may say.
_PASSED = re.compile(
    r"(?:HTTPS?|ALL|NO)_PROXY|SSL_CERT_(?:FILE|DIR)|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE"
    r"|MODELSCOPE_API_(?:TIMEOUT|MAX_RETRIES)"
    r"|MODELSCOPE_DOWNLOAD_(?:PARALLEL\w*|PART_SIZE_MB|CHUNK_SIZE_MB|TIMEOUT|MAX_RETRIES)",
    re.IGNORECASE,
)


@frozen(kw_only=True)
class OfficialModelScope(OwnClient):
    """``modelscope`` as a source of bytes."""

    def fetch(self, record: ModelRecord, file: FileEntry, *, into: Path, cancel: Cancel) -> Path:
        """Lets the client fetch one file at the pinned commit below ``into``, and returns where it put it.

        Raises:
            Unsupported: ``modelscope`` is not installed, or so old that it takes no commits (before 1.38).
            Cancelled: The caller wished so; the client was stopped.
            ZooError: What the client failed with, in our words.
        """
        wish = {
            "endpoint": self.endpoint,
            "token": self.token() or "",  # empty: none, whatever else it would find
            "repository": record.ref.id,
            "commit": record.ref.revision or wire.DEFAULT_BRANCH,  # unset, it would take the newest tag
            "path": file.path,
            "folder": str(into / "files"),
            "version": __version__,
        }
        environ = scope_environment(self.endpoint, self.environ, self.proxy, home=into / "home")
        answer = ask_child(_CHILD, wish, environ, cancel)
        found = brought(answer, "modelscope", record, file, into)
        if found is not None:
            return found
        chain = [mapping(link) for link in answer.get("chain") or ()]
        refused = [mapping(link) for link in answer.get("refused") or ()]
        error = judged(chain, refused, record, file, web=self.endpoint)
        error.about(zoo=wire.SCHEME, ref=str(record.ref), operation="download")
        raise error


def scope_environment(endpoint: str, environ: Mapping[str, str], proxy: str | None, *, home: Path) -> dict[str, str]:
    """Returns the environment of the client's process.

    Args:
        endpoint: Address of the server.
        environ: The environment of the settings.
        proxy: Proxy for this zoo. None: as the environment says.
        home: Folder of the client's own files.
    """
    set_here = {
        "MODELSCOPE_ENDPOINT": endpoint,
        "MODELSCOPE_API_TOKEN": "",
        "MODELSCOPE_HOME": str(home),
        "MODELSCOPE_CACHE": str(home / "cache"),
        "MODELSCOPE_DOWNLOAD_INTRA_CLOUD": "false",
    }
    return environment(environ, proxy, ours=_OURS, passed=_PASSED, set_here=set_here)


def judged(
    chain: Sequence[Mapping[str, Any]],
    refused: Sequence[Mapping[str, Any]],
    record: ModelRecord,
    file: FileEntry,
    *,
    web: str,
) -> ZooError:
    """Returns our error for what the client raised: by what the server answered where it did, else by name.

    Args:
        chain: The exception and its causes.
        refused: The last answer by which the endpoint refused, if there was one.
        record: The model.
        file: The file that was wished for.
        web: Address of the pages for people, without a slash at the end.
    """
    names, texts = names_and_texts(chain)
    said = line(texts[0]) if texts else "it said nothing"
    what = f"modelscope could not fetch {file.path} of {record.ref}: {said}"
    if "ModuleNotFoundError" in names or "ImportError" in names:
        return Unsupported(
            f"modelscope cannot be used here: {said}",
            hint='`python -m pip install modelscope` installs it; without via="official" it is not needed.',
        )
    if any("has no revision" in text or "unexpected keyword" in text for text in texts):
        return Unsupported(
            f"modelscope is too old to fetch a commit: {said}",
            hint="`python -m pip install --upgrade modelscope` brings a release that can, 1.38 or later.",
        )
    if any(link.get("errno") in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.EROFS) for link in chain):
        return StoreError(what)
    if "FileIntegrityError" in names:
        return IntegrityError(what)
    for link in refused:
        response = Response(
            request=Request(url=str(link.get("url"))),
            status=int(link.get("status") or 0),
            headers={name: str(value) for name, value in mapping(link.get("headers")).items()},
            body=str(link.get("body") or "").encode(),
        )
        return refusal(response, record.ref, "download", web=web)
    if "Crash" in names:
        return ProtocolError(what)
    return NetworkError(what)
