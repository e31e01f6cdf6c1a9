"""References: the canonical grammar, what is refused and where, and the laws that hold for all of them."""

from __future__ import annotations

import subprocess
import sys

import pytest
from attrs.exceptions import FrozenInstanceError
from hypothesis import example, given, settings
from hypothesis import strategies as st

from zooclient.errors import RefError, Unsupported
from zooclient.records.ref import Ref, parse_with_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HEX = "0123456789abcdef" * 4
DIGEST = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hf:org/name", Ref(scheme="hf", id="org/name")),
        ("hf:gpt2", Ref(scheme="hf", id="gpt2")),
        (f"hf:org/name@{COMMIT}", Ref(scheme="hf", id="org/name", revision=COMMIT)),
        ("hf:org/name@refs/pr/1", Ref(scheme="hf", id="org/name", revision="refs/pr/1")),
        ("hf:org/name@v1.0+fp16", Ref(scheme="hf", id="org/name", revision="v1.0+fp16")),
        ("hf:org/name@b%C3%BCcher", Ref(scheme="hf", id="org/name", revision="bücher")),
        ("hf:org/name@a%40b", Ref(scheme="hf", id="org/name", revision="a@b")),
        ("hf:org/name@100%25", Ref(scheme="hf", id="org/name", revision="100%")),
        (f"hf:org/name#sha256={HEX}", Ref(scheme="hf", id="org/name", content_digest=DIGEST)),
        (f"hf:a/b@main#sha256={HEX.upper()}", Ref(scheme="hf", id="a/b", revision="main", content_digest=DIGEST)),
        ("huggingface:org/name", Ref(scheme="hf", id="org/name")),
        ("HF:org/Name", Ref(scheme="hf", id="org/Name")),
        ("modelscope:Qwen/Qwen2.5-7B@master", Ref(scheme="modelscope", id="Qwen/Qwen2.5-7B", revision="master")),
        ("ms:iic/nlp_x", Ref(scheme="modelscope", id="iic/nlp_x")),
        ("civitai:4384", Ref(scheme="civitai", id="4384")),
        ("civitai:4384@128713", Ref(scheme="civitai", id="4384", revision="128713")),
        ("civitai:4384@128713+94641", Ref(scheme="civitai", id="4384", revision="128713+94641")),
        ("civitai:@128713", Ref(scheme="civitai", id="", revision="128713")),
        ("replicate:o/n", Ref(scheme="replicate", id="o/n")),
        (f"replicate:o/n@{HEX.upper()}", Ref(scheme="replicate", id="o/n", revision=HEX)),
        (f"replicate:o/n:{HEX}", Ref(scheme="replicate", id="o/n", revision=HEX)),
        (f"o/n:{HEX}", Ref(scheme="replicate", id="o/n", revision=HEX)),
        ("4384@128713", Ref(scheme="civitai", id="4384", revision="128713")),
        ("file:/home/me/model", Ref(scheme="file", id="/home/me/model")),
        ("file:/home/me/model/", Ref(scheme="file", id="/home/me/model")),
        ("file:/", Ref(scheme="file", id="/")),
        ("file:../model.gguf", Ref(scheme="file", id="../model.gguf")),
        ("file:C:/models/x", Ref(scheme="file", id="C:/models/x")),
        ("file:C:/", Ref(scheme="file", id="C:/")),
        ("file:/a%40b/c%23d/100%25", Ref(scheme="file", id="/a@b/c#d/100%")),
        ("file:/my models/größe", Ref(scheme="file", id="/my models/größe")),
        ("file:///home/me/my%20model/", Ref(scheme="file", id="/home/me/my model")),
        ("file://localhost/srv/x", Ref(scheme="file", id="/srv/x")),
        ("file:///C:/models/x", Ref(scheme="file", id="C:/models/x")),
        (f"file:/m#sha256={HEX}", Ref(scheme="file", id="/m", content_digest=DIGEST)),
        ("ollama:library/llama3@8b", Ref(scheme="ollama", id="library/llama3", revision="8b")),
        ("my-zoo:a/b/c~1@v%201", Ref(scheme="my-zoo", id="a/b/c~1", revision="v 1")),
    ],
)
def test_canonical_texts_and_aliases_are_read(text: str, expected: Ref) -> None:
    """Each scheme's form is read, and what was read is written in one spelling that reads back."""
    ref = Ref.parse(text)
    assert ref == expected
    assert Ref.parse(str(ref)) == ref
    assert str(Ref.parse(str(ref))) == str(ref)
    assert parse_with_path(text) == (ref, None)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("huggingface:org/name@refs%2fpr", None),
        ("ms:a/b@x%20y", None),
        ("hf:org/name@b%c3%bcx", "hf:org/name@b%C3%BCx"),
        (f"ms:a/b@v1#sha256={HEX.upper()}", f"modelscope:a/b@v1#sha256={HEX}"),
        ("file:/a%40b/", "file:/a%40b"),
    ],
)
def test_there_is_one_spelling(text: str, written: str | None) -> None:
    """Case, aliases and closing slashes come out one way; an escape that hides a plain character is refused."""
    if written is None:
        with pytest.raises(RefError):
            Ref.parse(text)
    else:
        assert str(Ref.parse(text)) == written


#: text, index of the character at fault
HOSTILE = [
    ("", 0),
    (":", 0),
    ("hf", 0),
    ("hf:", 3),
    ("org/name", 0),
    ("4384", 0),
    (" hf:org/name", 0),
    ("hf:org/name ", 11),
    ("hf:org/name\n", 11),
    ("hf: org/name", 3),
    ("hf:org/na\tme", 9),
    ("hf:org/na\x00me", 9),
    ("hf:org/na\x7fme", 9),
    ("hf:org/na\u200bme", 9),
    ("hf:оrg/name", 3),
    ("hf:org/nаme", 8),
    ("hf:org／name", 6),
    ("hf:org/name＠main", 11),
    ("ｈf:org/name", 0),
    ("hf：org/name", 0),
    ("hf:org/\ud800", 7),
    ("hf:../name", 3),
    ("hf:org/..", 7),
    ("hf:/etc/passwd", 3),
    ("hf:org//name", 7),
    ("hf:org/", 7),
    ("hf:/name", 3),
    ("hf:org/name/more", 11),
    ("hf:org/na\\me", 9),
    ("hf:org/%2e%2e", 7),
    ("hf:org%2Fname", 6),
    ("hf:org/name%00", 11),
    ("hf:-org/name", 3),
    ("hf:org/.name", 7),
    ("hf:org/name-", 11),
    ("hf:org/name.", 11),
    ("hf:org/na--me", 9),
    ("hf:org/na..me", 9),
    ("hf:org/name.git", 11),
    ("hf:org/" + "n" * 97, 103),
    ("hf:" + "o" * 97 + "/name", 99),
    ("hf:org/name?x=1", 11),
    ("hf:org/name@", 11),
    ("hf:org/name@a@b", 13),
    ("hf:org/name@a b", 13),
    ("hf:org/name@a:b", 13),
    ("hf:org/name@ü", 12),
    ("hf:org/name@../x", 12),
    ("hf:org/name@a/../b", 14),
    ("hf:org/name@a//b", 14),
    ("hf:org/name@/a", 12),
    ("hf:org/name@a/", 13),
    ("hf:org/name@-x", 12),
    ("hf:org/name@.x", 12),
    ("hf:org/name@a/.x", 14),
    ("hf:org/name@x.", 13),
    ("hf:org/name@%2e%2e", 12),
    ("hf:org/name@a%2Fb", 13),
    ("hf:org/name@a%252Fb", 13),
    ("hf:org/name@%00", 12),
    ("hf:org/name@a%0A", 13),
    ("hf:org/name@a%20b", 13),
    ("hf:org/name@b%C3%BC%5B", 19),
    ("hf:org/name@%", 12),
    ("hf:org/name@a%2", 13),
    ("hf:org/name@a%zz", 13),
    ("hf:org/name@a%FF", 13),
    ("hf:org/name@a%C3", 13),
    ("hf:org/name@%ED%A0%80", 12),
    ("hf:org/name@%C0%AE", 12),
    ("hf:org/name@" + "r" * 257, 268),
    ("hf:org/name#", 12),
    ("hf:org/name#md5=00", 12),
    ("hf:org/name#sha256", 18),
    ("hf:org/name#sha256=", 19),
    ("hf:org/name#sha256=0g", 20),
    ("hf:org/name#sha256=" + "0" * 63, 82),
    ("hf:org/name#sha256=" + "0" * 65, 83),
    ("hf:org/name#sha256=" + "0" * 63 + "٠", 82),
    ("hf:org/name#sha256=" + HEX + "#", 83),
    ("hf:models/org/name", 13),
    ("hf:a:b", 4),
    ("modelscope:name", 15),
    ("modelscope:o/n/m", 14),
    ("modelscope:o/..", 13),
    ("modelscope:o/n@x y", 16),
    ("ms:../n", 3),
    ("civitai:", 8),
    ("civitai:0", 8),
    ("civitai:01", 8),
    ("civitai:-1", 8),
    ("civitai:1x", 9),
    ("civitai:٣", 8),
    ("civitai:2147483648", 8),
    ("civitai:99999999999999999999", 8),
    ("civitai:1@", 9),
    ("civitai:1@x", 10),
    ("civitai:1@2+", 12),
    ("civitai:1@2+x", 12),
    ("civitai:1@2+3+4", 13),
    ("civitai:1@+3", 10),
    ("replicate:name", 14),
    ("replicate:o/n@latest", 14),
    ("replicate:o/n@" + "0" * 63, 77),
    ("replicate:o/n@" + "0" * 65, 78),
    ("replicate:" + HEX, 74),
    ("file:", 5),
    ("file:/a\x00b", 7),
    ("file:/a\nb", 7),
    ("file:/a\u202eb", 7),
    ("file:/a\ud800", 7),
    ("file:/a//b", 7),
    ("file:/a%00", 7),
    ("file:/a/%2e%2e/b", 8),
    ("file:/a%2Fb", 7),
    ("file:/a%5Cb", 7),
    ("file:/a%", 7),
    ("file:/a@v1", 8),
    ("file:C:\\models", 7),
    ("file://server/share", 7),
    ("file:////server/share", 8),
    ("file:/" + "a" * 4096, 5 + 4096),
    ("C:\\models\\x", 0),
    ("C:/models/x", 0),
    ("/models/x", 0),
    ("./x", 0),
    ("git@hf.co:org/name", 3),
    ("x:y", 0),
    ("1zoo:y", 0),
    ("zoo_1:y", 3),
    ("z" * 33 + ":y", 31),
    ("zoo:a/../b", 6),
    ("zoo:a//b", 6),
    ("zoo:/a", 4),
    ("zoo:", 4),
    ("zoo:a%2e", 5),
    ("zoo:ü", 4),
    ("zoo:" + "a" * 513, 516),
    ("zoo:a@%2e", 6),
    ("zoo://a/b", 3),
    ("javascript:alert(1)", 16),
    ("hf:" + "a" * 9000, 8192),
]


@pytest.mark.parametrize(("text", "position"), HOSTILE, ids=[ascii(text[:40]) for text, _ in HOSTILE])
def test_hostile_text_is_refused_at_its_character(text: str, position: int) -> None:
    """Traversal, controls, percent tricks, look-alikes, length: refused, with the index of what is wrong."""
    with pytest.raises(RefError) as caught:
        Ref.parse(text)
    assert caught.value.position == position
    assert f"character {position}" in caught.value.message
    assert caught.value.message.isprintable()


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("C:\\models\\x", "Write file:C:/models/x"),
        ("/models/x", "Write file:/models/x for a path of this machine."),
        ("org/name", "Write the zoo first, such as hf:org/name."),
        ("hf:org/name@bücher", "Write %C3%BC if it is meant."),
        ("hf:org/name@a@b", "Write %40 if it is meant."),
        ("hf:org/name@a^1", None),
        ("hf:models/org/name", "Leave out models/"),
        ("file:a#b", "Write %23 for a # in a path."),
        ("file:a@b", "Write %40 for an @ in a path."),
        ("file:C:\\x", "Write / between folders, such as file:C:/models/name."),
    ],
)
def test_the_hint_is_what_to_write(text: str, hint: str | None) -> None:
    """What was probably meant stands in the hint, and nothing where that would be refused as well."""
    with pytest.raises(RefError) as caught:
        Ref.parse(text)
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    "text",
    [
        "hf:datasets/org/name",
        "hf:datasets/squad",
        "hf:spaces/org/name",
        "hf:kernels/org/name",
        "hf:buckets/org/name",
        "huggingface:datasets/x/y@main",
        "modelscope:datasets/o/n",
        "ms:studios/o/n",
        "replicate:deployments/o/n",
    ],
)
def test_what_is_no_model_is_unsupported(text: str) -> None:
    """Datasets, Spaces and deployments are understood and declined with a sentence."""
    with pytest.raises(Unsupported) as caught:
        Ref.parse(text)
    assert caught.value.message.endswith(".")
    assert caught.value.ref == text


@pytest.mark.parametrize(
    "parts",
    [
        {"scheme": "huggingface", "id": "a/b"},
        {"scheme": "HF", "id": "a/b"},
        {"scheme": "urn", "id": "a"},
        {"scheme": "air", "id": "a"},
        {"scheme": "", "id": "a"},
        {"scheme": "hf", "id": "a/.."},
        {"scheme": "hf", "id": "a/b", "revision": ""},
        {"scheme": "hf", "id": "a/b", "revision": "a/../b"},
        {"scheme": "hf", "id": "a/b", "revision": "%2e%2e"},
        {"scheme": "hf", "id": "a/b", "content_digest": HEX},
        {"scheme": "hf", "id": "a/b", "content_digest": DIGEST.upper()},
        {"scheme": "civitai", "id": ""},
        {"scheme": "civitai", "id": "1", "revision": "02"},
        {"scheme": "replicate", "id": "o/n", "revision": HEX.upper()},
        {"scheme": "file", "id": "/a", "revision": "1"},
        {"scheme": "file", "id": "/a/"},
        {"scheme": "file", "id": "//a"},
        {"scheme": "zoo", "id": "a:b"},
    ],
)
def test_no_invalid_ref_can_be_made(parts: dict[str, str]) -> None:
    """The constructor refuses what the parser refuses, so that no data can smuggle it in."""
    with pytest.raises(RefError) as caught:
        Ref(**parts)
    assert caught.value.position is None


def test_a_ref_never_changes() -> None:
    """Frozen, and equal refs hash alike."""
    ref = Ref.parse("hf:a/b")
    with pytest.raises(FrozenInstanceError):
        ref.id = "c/d"  # type: ignore[misc]  # what the test is about
    assert {ref, Ref.parse("huggingface:a/b")} == {ref}


def test_at_moves_the_revision_and_forgets_the_digest() -> None:
    """A content digest belongs to one revision, and the new revision is checked."""
    ref = Ref.parse(f"hf:a/b@main#sha256={HEX}")
    assert str(ref.at(COMMIT)) == f"hf:a/b@{COMMIT}"
    assert str(ref.at(None)) == "hf:a/b"
    with pytest.raises(RefError):
        ref.at("../x")


@pytest.mark.parametrize(
    ("text", "pinned"),
    [
        ("hf:a/b", False),
        ("hf:a/b@main", False),
        ("hf:a/b@0123456", False),
        (f"hf:a/b@{COMMIT}", True),
        (f"hf:a/b@{COMMIT.upper()}", False),
        (f"hf:a/b@main#sha256={HEX}", True),
        (f"ms:a/b@{COMMIT}", True),
        ("ms:a/b@v1", False),
        ("civitai:1@2+3", False),
        (f"civitai:1@2+3#sha256={HEX}", True),
        ("replicate:o/n", False),
        (f"replicate:o/n@{HEX}", True),
        ("file:/a", False),
        (f"file:/a#sha256={HEX}", True),
        ("zoo:a@v1", False),
        (f"zoo:a@{COMMIT}", True),
        (f"zoo:a@{COMMIT[1:]}", False),
        (f"zoo:a@{HEX}", True),
        (f"zoo:a@{HEX.upper()}", False),
        (f"hf:a/b@{HEX}", False),
        (f"zoo:a@v1#sha256={HEX}", True),
    ],
)
def test_pinned_is_what_nobody_can_change(text: str, pinned: bool) -> None:
    """A commit, a version or a content digest pins; names, and ids whose bytes may be replaced, do not."""
    assert Ref.parse(text).pinned is pinned


@pytest.mark.parametrize(
    ("text", "versioned"),
    [
        ("civitai:1@2", True),
        ("civitai:1@2+3", True),
        ("civitai:1", False),
        ("civitai:@2", False),
        (f"hf:a/b@{COMMIT}", False),
        ("hf:a/b@v1", False),
    ],
)
def test_a_version_whose_bytes_may_be_replaced(text: str, versioned: bool) -> None:
    """A version of Civitai, whose model is known, is as good as a pin where a record of it is held."""
    assert Ref.parse(text).versioned is versioned


# -- laws -------------------------------------------------------------------------------------------

_anything = st.text(max_size=40)
_hex64 = st.text("0123456789abcdef", min_size=64, max_size=64)
_ids = {
    "hf": st.from_regex(r"([A-Za-z0-9_.-]{1,20}/)?[A-Za-z0-9_.-]{1,20}", fullmatch=True),
    "modelscope": st.from_regex(r"[A-Za-z0-9_.-]{1,20}/[A-Za-z0-9_.-]{1,20}", fullmatch=True),
    "civitai": st.integers(1, 2**31 - 1).map(str) | st.just(""),
    "replicate": st.from_regex(r"[A-Za-z0-9_.-]{1,20}/[A-Za-z0-9_.-]{1,20}", fullmatch=True),
    "file": _anything | st.text("/@#%?C:. aü", max_size=12),
    "zoo": st.text("ab./~+=,-:", max_size=12),
}
_revisions = {
    "civitai": st.from_regex(r"[0-9]{1,11}(\+[0-9]{1,11})?", fullmatch=True),
    "replicate": _hex64,
}


_PIECES = [
    "hf",
    "hf:",
    "ms:",
    "civitai:",
    "replicate:",
    "file:",
    "://",
    "https://",
    "huggingface.co",
    "civitai.com",
    "modelscope.cn",
    "replicate.com",
    "r8.im",
    "/",
    "@",
    "#",
    "%",
    ":",
    "+",
    "?",
    "&",
    "=",
    "..",
    "\\",
    "ü",
    "models",
    "api",
    "download",
    "v1",
    "sha256:",
    "sha256=",
    "%2F",
    "%00",
    "urn:air:",
    "1",
    "22",
    "a",
    "b",
    "fileId=",
    "modelVersionId=",
    "refs",
    "pr",
    "tree",
    "resolve",
    " ",
    "\n",
    "0000000000000000000000000000000000000000000000000000000000000000",
]


@st.composite
def refs(draw: st.DrawFn) -> Ref | None:
    """Any reference that can be constructed; None where the parts drawn make none."""
    scheme = draw(st.sampled_from(sorted(_ids)))
    odd = st.text("ab%2eF@#+/. ~:ü\u202e", max_size=10)
    try:
        return Ref(
            scheme=scheme,
            id=draw(_ids[scheme]),
            revision=draw(st.none() | _revisions.get(scheme, _anything | odd)),
            content_digest=draw(st.none() | _hex64.map("sha256:".__add__)),
        )
    except (RefError, Unsupported):
        return None


@settings(max_examples=400, deadline=None)
@given(refs())
def test_every_ref_reads_back(ref: Ref | None) -> None:
    """``Ref.parse(str(ref)) == ref`` for every reference that can be constructed, and its text is one line."""
    if ref is None:
        return
    text = str(ref)
    assert Ref.parse(text) == ref
    assert len(text.splitlines()) == 1


@settings(max_examples=400, deadline=None)
@given(
    st.text(max_size=60)
    | st.builds(
        "".join,
        st.lists(
            st.sampled_from(_PIECES),
            max_size=12,
        ),
    )
)
@example("hf:a/b@%C3%BC%2e")
@example("urn:air:x:huggingface:a/b@")
@example("https://civitai.com/models/1?modelVersionId=")
def test_any_text_is_read_or_refused_in_place(text: str) -> None:
    """No text does anything but give a reference that reads back, or an error that points into the text."""
    try:
        ref, path = parse_with_path(text)
    except RefError as error:
        assert error.position is not None
        assert 0 <= error.position <= len(text)
        assert error.message.isprintable()
    except Unsupported as error:
        assert error.message
    else:
        assert Ref.parse(str(ref)) == ref
        assert path is None or ".." not in path.split("/")


def test_import_is_cheap() -> None:
    """The canonical grammar loads neither the other spellings nor anything heavy."""
    code = (
        "import sys; from zooclient.records.ref import Ref; Ref.parse('hf:a/b@main');"
        "heavy = {'cattrs', 'hashlib', 'urllib', 'logging', 'asyncio', 'zooclient.records.spellings'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
