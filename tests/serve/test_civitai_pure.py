"""Serving Civitai, the pure parts: numbers, names, hashes, cursors, and a card as HTML."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zlib
from html.parser import HTMLParser
from pathlib import Path

import pytest
from civitai_site import png
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from served_models import safetensors
from support import recorded

from zooclient.serve.civitai.describe import file_extent, file_format, file_type, quantisation
from zooclient.serve.civitai.inspect import inspect
from zooclient.serve.civitai.listing import cursor_of, read_cursor
from zooclient.serve.civitai.markup import html_of
from zooclient.serve.civitai.naming import Naming, derived, reduced
from zooclient.serve.civitai.numbers import MOST, Numbers, number_of, parse_id
from zooclient.serve.civitai.parameters import Invalid
from zooclient.serve.civitai.pictures import size_of

KEYS = st.lists(st.text(max_size=8), min_size=1, max_size=3).map(tuple)


@given(KEYS, st.integers(0, 5))
def test_a_number_is_an_int4(key: tuple[str, ...], attempt: int) -> None:
    """Whatever is numbered, its number is positive and fits the site's columns, and is the same each time."""
    number = number_of(key, attempt)
    assert 1 <= number <= MOST
    assert number == number_of(key, attempt)
    assert parse_id(str(number)) == number


@given(st.lists(KEYS, max_size=30), st.integers(1, 40))
def test_no_two_share_a_number(keys: list[tuple[str, ...]], space: int) -> None:
    """Two keys never have one number, however small the space is made; and a number leads back to its key."""
    numbers = Numbers(lambda key, attempt: 1 + (number_of(key) + attempt) % (space + len(keys)))
    given = {key: numbers.of(*key) for key in keys}
    assert len(set(given.values())) == len(given)
    assert all(numbers.key(number) == key and numbers.of(*key) == number for key, number in given.items())


@pytest.mark.parametrize("text", ["", "0", "-1", "2147483648", "99999999999", "1.5", "abc", "١", "1 "])
def test_what_is_no_id(text: str) -> None:
    """An id is written in ASCII digits, and is a positive int4."""
    assert parse_id(text) is None


@given(st.tuples(st.integers(-(10**17), 0), st.integers(-(10**17), 0), st.integers(1, MOST)))
def test_a_cursor_leads_back_to_its_place(key: tuple[int, int, int]) -> None:
    """A cursor names the place that it was made of, in the site's form of numbers between bars."""
    assert read_cursor(cursor_of(key)) == key
    assert re.fullmatch(r"\d+\|\d+\|\d+", cursor_of(key))


@given(st.text(max_size=30))
def test_any_text_may_be_sent_as_a_cursor(text: str) -> None:
    """What is no cursor is refused, and nothing else happens."""
    try:
        key = read_cursor(text)
    except Invalid as error:
        assert error.path == "cursor"
    else:
        assert read_cursor(cursor_of(key)) == key


def _recorded_files() -> list[tuple[Naming, str, str]]:
    found = []
    for path in sorted(recorded("civitai").glob("model*.json")):
        whole = json.loads(path.read_text(encoding="utf-8"))
        for model in whole.get("items", [whole]):
            for version in model.get("modelVersions", []):
                word = next(iter(version["trainedWords"]), None)
                naming = Naming(kind=model["type"], model=model["name"], version=version["name"], word=word)
                found += [(naming, file["name"], file["type"]) for file in version["files"]]
    return found


def test_names_are_made_as_the_site_made_them() -> None:
    """Each recorded name comes out again, of the recorded names of model and version and of any upload."""
    files = _recorded_files()
    assert len(files) > 25
    for naming, name, type_ in files:
        kept = naming.kind in ("LORA", "LoCon") or type_ == "VAE"
        stored = name if kept else "an upload." + name.rpartition(".")[2]
        assert derived(naming, stored, type_) == name


@given(st.text(max_size=60))
def test_a_reduced_name_is_a_name(text: str) -> None:
    """Whatever a model is called, its part of a file's name is short and plain."""
    assert re.fullmatch("[A-Za-z0-9]{0,20}", reduced(text), re.ASCII)


@given(st.text(max_size=20), st.text(max_size=20), st.text(max_size=20), st.sampled_from(["Model", "Negative"]))
def test_a_word_never_leads_out(model: str, version: str, word: str, type_: str) -> None:
    """The name of an embedding is made of what its creator wrote, and still names no folder."""
    naming = Naming(kind="TextualInversion", model=model, version=version, word=word)
    name = derived(naming, "upload.pt", type_)
    assert "/" not in name and "\\" not in name and name.endswith(".pt") and name.strip(".") == name


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(st.binary(max_size=300))
def test_hashes_are_those_of_the_bytes(tmp_path: Path, content: bytes) -> None:
    """Whole digests are of the whole, in upper case; AutoV3 is what follows a header of any claimed length."""
    path = tmp_path / "file"
    path.write_bytes(content)
    hashes = dict(inspect(path).hashes)
    assert hashes["SHA256"] == hashlib.sha256(content).hexdigest().upper()
    assert hashes["AutoV2"] == hashes["SHA256"][:10]
    assert int.from_bytes(bytes.fromhex(hashes["CRC32"]), "little") == zlib.crc32(content)
    assert "AutoV1" not in hashes
    if len(content) >= 8:
        length = int.from_bytes(content[:8], "little")
        rest = content[8 + (length if length <= 16 * 1024 * 1024 else 0) :]
        assert hashes["AutoV3"] == hashlib.sha256(rest).hexdigest()[:12].upper()


def test_hashes_of_known_bytes(tmp_path: Path) -> None:
    """The CRC32 is printed as the scanner prints it, and AutoV1 is of 64 KiB in the second MiB."""
    path = tmp_path / "hello"
    path.write_bytes(b"hello world")
    assert inspect(path).hashes["CRC32"] == "85114A0D"
    content = bytes(index // 7 % 256 for index in range(3 * 1024 * 1024))
    path.write_bytes(content)
    assert inspect(path).hashes["AutoV1"] == hashlib.sha256(content[0x100000:0x110000]).hexdigest()[:8].upper()


def test_a_file_over_blocks_is_hashed_whole(tmp_path: Path) -> None:
    """A header that is longer than a block, and what follows it, are parted at the right byte."""
    header = b" " * (1024 * 1024 + 5)
    content = len(header).to_bytes(8, "little") + header + bytes(range(250)) * 5000
    path = tmp_path / "long"
    path.write_bytes(content)
    assert inspect(path).hashes["AutoV3"] == hashlib.sha256(bytes(range(250)) * 5000).hexdigest()[:12].upper()
    path.write_bytes(safetensors(100))
    assert inspect(path).precision == "fp32"


@pytest.mark.parametrize(
    ("path", "kind", "expected"),
    [
        ("a/model.safetensors", "Checkpoint", ("Model", "SafeTensor", "full", None)),
        ("model-pruned.ckpt", "Checkpoint", ("Model", "PickleTensor", "pruned", None)),
        ("model.pth", "Upscaler", ("Model", "Other", None, None)),
        ("x.sft", "LORA", ("Model", "SafeTensor", None, None)),
        ("llm-Q4_K_M.gguf", "LLM", ("Model", "GGUF", None, "Q4_K_M")),
        ("llm.IQ4_XS.gguf", "LLM", ("Model", "GGUF", None, "IQ4_XS")),
        ("vae/diffusion.safetensors", "Checkpoint", ("VAE", "SafeTensor", None, None)),
        ("text_encoder/model.safetensors", "Checkpoint", ("Text Encoder", "SafeTensor", None, None)),
        ("unet/model.safetensors", "Checkpoint", ("UNet", "SafeTensor", None, None)),
        ("config.json", "Checkpoint", ("Config", "Other", None, None)),
        ("training_data.zip", "LORA", ("Training Data", "Other", None, None)),
        ("workflow.zip", "LORA", ("Archive", "Other", None, None)),
        ("bad-neg.pt", "TextualInversion", ("Negative", "PickleTensor", None, None)),
        ("run.py", "Checkpoint", ("Other", "Other", None, None)),
    ],
)
def test_what_a_file_is(path: str, kind: str, expected: tuple[str, str, str | None, str | None]) -> None:
    """Type, format, extent and quantisation of a file are told by its name, in the site's words."""
    type_ = file_type(path, kind)
    assert (type_, file_format(path), file_extent(path, kind, type_), quantisation(path)) == expected


@pytest.mark.parametrize(
    ("markdown", "html"),
    [
        ("", None),
        ("# A `b` *c*\n", "<h1>A <code>b</code> <em>c</em></h1>"),
        ("one\ntwo\n\nthree", "<p>one two</p><p>three</p>"),
        (
            "- a\n- **b**\n  more\n\n1. c",
            "<ul><li><p>a</p></li><li><p><strong>b</strong> more</p></li></ul><ol><li><p>c</p></li></ol>",
        ),
        ("```py\n<x> & *y*\n```\nend", "<pre><code>&lt;x&gt; &amp; *y*</code></pre><p>end</p>"),
        ("**a *b** c*", "<p><strong>a *b</strong> c*</p>"),
        ("> q\n> r", "<blockquote><p>q r</p></blockquote>"),
        (
            "[a b](https://x.test/?p=1&q=2)",
            '<p><a target="_blank" rel="ugc" href="https://x.test/?p=1&amp;q=2">a b</a></p>',
        ),
        ("[a](javascript:alert(1))", "<p>[a](javascript:alert(1))</p>"),
        ("<script>x</script>", "<p>&lt;script&gt;x&lt;/script&gt;</p>"),
    ],
)
def test_markdown_becomes_html(markdown: str, html: str | None) -> None:
    """What cards hold is written as the site keeps it, and whatever else they hold is text."""
    assert html_of(markdown) == html


@given(st.integers(1, 65535), st.integers(1, 65535), st.binary(max_size=20), st.sampled_from([0xC0, 0xC2]))
def test_sizes_of_pictures(width: int, height: int, comment: bytes, frame: int) -> None:
    """A PNG tells its size in its first block, a JPEG in its first frame, whatever stands before that."""
    assert size_of(png(width, height)) == (width, height)
    skipped = struct.pack(">BBH", 0xFF, 0xFE, len(comment) + 2) + comment
    sized = struct.pack(">BBHBHH", 0xFF, frame, 17, 8, height, width)
    assert size_of(b"\xff\xd8" + skipped + sized + bytes(10)) == (width, height)


@given(st.sampled_from([b"", b"\xff\xd8", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n"]), st.binary(max_size=60))
def test_any_bytes_may_call_themselves_a_picture(begin: bytes, rest: bytes) -> None:
    """What is no picture tells no size, and breaks nothing."""
    size = size_of(begin + rest)
    assert size is None or len(size) == 2


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.seen |= {tag, *(name for name, _ in attrs)}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@given(st.text(alphabet=" \n#*_`>-1.[]()<ahtps:/\"'&x", max_size=80))
def test_any_markdown_becomes_sound_html(markdown: str) -> None:
    """Whatever an author wrote, every tag that is opened is closed, and none is one that we did not mean to write."""
    parser = _Tags()
    parser.feed(html_of(markdown) or "")
    parser.close()
    assert parser.open == []
    ours = "h1 h2 h3 h4 h5 h6 p ul ol li blockquote pre code strong em a target rel href".split()
    assert parser.seen <= set(ours)
