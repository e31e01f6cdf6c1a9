"""Civitai over real sockets: a site and a store of bytes, two origins on loopback."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from byteserver import MIB, ByteServer, Fault, FolderSink, bring
from civitai_answers import file, model, version

from zooclient.errors import AccessError, Gone, ZooError
from zooclient.net.auth import Auth, Credential
from zooclient.net.drivers import Driver
from zooclient.net.proxy import Proxies
from zooclient.providers.civitai.provider import Civitai
from zooclient.records.model import ModelRecord
from zooclient.records.ref import Ref
from zooclient.settings import Settings
from zooclient.transfer.engine import Item, Source

CONTENT = bytes(range(256)) * 12288  # 3 MiB
DOWNLOAD = "/api/download/models/20"


@pytest.fixture
def servers() -> Iterator[tuple[ByteServer, ByteServer]]:
    """A site that sends the download on to a signed link at a store."""
    with ByteServer() as site, ByteServer() as store:
        told = file(
            sizeKB=len(CONTENT) / 1024,  # whole KiB: about right
            hashes={"SHA256": hashlib.sha256(CONTENT).hexdigest().upper()},
        )
        site.serve("/api/v1/models/10", json.dumps(model()).encode())
        site.serve("/api/v1/model-versions/20", json.dumps(version(files=[told])).encode())
        site.redirect(
            DOWNLOAD, store.serve("/file/tiny.x1.safetensors", CONTENT) + "?Authorization=3_signed", status=307
        )
        yield site, store


def auth(zoo: Civitai) -> Auth:
    """The key, for where it is at home."""
    return Auth([Credential(origin=place, token="secret") for place in zoo.origins])


def resolved(zoo: Civitai) -> ModelRecord:
    """Resolves over a real connection."""
    settings = Settings()
    driver = Driver(settings, auth(zoo), Proxies.of(settings))
    try:
        return driver.run(zoo.resolve(Ref.parse("civitai:10@20")))
    finally:
        driver.close()


def fetched(zoo: Civitai, record: ModelRecord, folder: Path) -> bytes:
    """Brings the file of a record with the engine, as the client binds it."""
    (entry,) = record.files
    source = Source(
        label="civitai",
        locate=partial(zoo.locate, record, entry),
        refused=partial(zoo.refused, ref=record.ref, operation="download"),
    )
    sink = FolderSink(folder)
    bring(sink, Item(file=entry, sources=(source,), owner=str(record.ref)), connections=4, auth=auth(zoo))
    return sink.read(entry)


def test_a_download_counts_once_and_the_key_stays(servers: tuple[ByteServer, ByteServer], tmp_path: Path) -> None:
    """Several ranges of one file are one request to the site; the key goes to the site, never to the store."""
    site, store = servers
    zoo = Civitai(site.origin)
    record = resolved(zoo)
    assert record.files[0].size is None
    assert fetched(zoo, record, tmp_path) == CONTENT
    assert [asked.path for asked in site.requests(DOWNLOAD)] == [f"{DOWNLOAD}?fileId=30"]
    assert all(asked.headers["authorization"] == "Bearer secret" for asked in site.asked)
    assert len(store.asked) >= 1 and all("authorization" not in asked.headers for asked in store.asked)
    assert all("secret" not in asked.path for asked in store.asked)


def test_a_link_that_ran_out_is_asked_for_again(servers: tuple[ByteServer, ByteServer], tmp_path: Path) -> None:
    """A store that says no in the middle costs one more question to the site, and no byte twice."""
    site, store = servers
    store.faults["/file/tiny.x1.safetensors"].extend([Fault(cut=MIB), Fault(status=403, body=b"expired")])
    zoo = Civitai(site.origin)
    assert fetched(zoo, resolved(zoo), tmp_path) == CONTENT
    assert len(site.requests(DOWNLOAD)) == 2


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(status=401, body=b'{"message": "you need to be logged in"}'), AccessError),
        (Fault(status=403, body=b'{"error": "Early Access", "deadline": "2026-12-01T00:00:00Z"}'), AccessError),
        (Fault(status=410, body=b'{"error": "Model archived, not available for download"}'), Gone),
    ],
)
def test_refusals_of_the_site_while_downloading(
    servers: tuple[ByteServer, ByteServer], tmp_path: Path, fault: Fault, kind: type[ZooError]
) -> None:
    """What the site refuses is told in its own words, and asked once: a refusal is not tried again."""
    site, _ = servers
    site.always[DOWNLOAD] = fault
    zoo = Civitai(site.origin)
    record = resolved(zoo)
    with pytest.raises(kind):
        fetched(zoo, record, tmp_path)
    assert len(site.requests(DOWNLOAD)) == 1


def test_a_login_page_never_becomes_a_file(servers: tuple[ByteServer, ByteServer], tmp_path: Path) -> None:
    """A redirect to a page that comes with 200 is no file: its digest is another."""
    site, _ = servers
    page = site.serve("/login", b"<html>log in</html>")
    site.always[DOWNLOAD] = Fault(status=302, headers={"Location": page + "?returnUrl=x"})
    zoo = Civitai(site.origin)
    record = resolved(zoo)
    with pytest.raises(ZooError):
        fetched(zoo, record, tmp_path)
    assert not FolderSink(tmp_path).has(record.files[0])
