"""Other spellings of references: the zoos' web addresses, ``hf://`` URIs, AIR, ``r8.im`` image names.

What is accepted was taken from the zoos' own documents and clients: the ``hf://`` grammar of ``huggingface_hub`` 2.4,
the AIR specification of Civitai, the image names of ``cog``. Hosts are the zoos' own and compared as a whole; an
address of any other host is refused, because nothing in it says which zoo's protocol is spoken there.
"""

from __future__ import annotations

from collections.abc import Callable

from zooclient.errors import RefError, Unsupported
from zooclient.records.ref import Part, Parts, canonical, failure, lowered, read_digest, told, unescaped
from zooclient.records.rules import (
    ALIASES,
    DIGITS,
    HUB_KINDS,
    MODELSCOPE_KINDS,
    Flaw,
    check_hex64,
    check_number,
    check_path_parts,
    check_printable,
)

#: Verbs of the Hub's pages that a revision follows, and perhaps a path.
_HUB_VERBS = ("blob", "resolve", "raw", "tree", "blame", "commits", "edit", "delete", "upload")
#: Tabs of a model's page at the Hub.
_HUB_TABS = ("discussions", "settings", "community")
#: Routes of the Hub's API below a model, that a revision follows.
_HUB_ROUTES = ("revision", "tree", "commits", "paths-info", "treesize")
#: First parts of the Hub's addresses that are pages of the site.
_HUB_PAGES = (
    "api", "blog", "chat", "collections", "docs", "enterprise", "inference", "join", "learn", "login", "logout",
    "models", "new", "notifications", "organizations", "papers", "posts", "pricing", "search", "settings", "tasks",
)  # fmt: skip
#: First parts of Replicate's addresses that are pages of the site.
_REPLICATE_PAGES = ("collections", "docs", "explore", "p", "account", "deployments", "changelog", "blog")
_REPLICATE_TABS = ("versions", "api", "examples", "readme", "train", "llms.txt", "playground", "predictions")
_MODELSCOPE_TABS = ("summary", "files", "feedback", "revisions", "commits", "repo")
#: Format names that may close an AIR; what else follows a dot belongs to the version.
_AIR_FORMATS = ("safetensors", "safetensor", "ckpt", "pt", "pth", "bin", "gguf", "onnx", "diffusers", "zip")


def read_other(text: str) -> Parts:
    """Cuts a text that is not in canonical form into its parts.

    Raises:
        RefError: It cannot be read; ``position`` is the index of the offending character.
        Unsupported: It names something that is no model.
    """
    for index, character in enumerate(text):
        if character == " " or character.isspace():
            raise failure(text, index, "white space cannot stand in it")
    try:
        check_printable("text", text)
    except Flaw as flaw:
        raise told(flaw, text, flaw.index) from None
    start = text.find("://")
    if start >= 0 and "/" not in text[:start] and "@" not in text[:start]:
        return _uri(text, text[:start], start + 3)
    if _host(text, 0) in _HOSTS:
        return _web(text, 0)
    return _short(text)


def _short(text: str) -> Parts:
    """What other tools write: AIR, ``owner/name:VERSION`` of Replicate, ``MODEL@VERSION`` of Civitai."""
    at = text.find("@")
    names = (text if at < 0 else text[:at]).lower().split(":")
    if names[0] in ("urn", "air") or (len(names) > 2 and names[-2] in ("civitai", "huggingface")):
        return _air(text)
    if at > 0 and not text[:at].strip(DIGITS) and not text[at + 1 :].strip(DIGITS + "+"):
        return _parts("civitai", Part(text[:at], 0), Part(text[at + 1 :], at + 1))
    if names[0] == "replicate" and len(names) == 3 and at < 0:
        return _replicate_version(text, len("replicate:"))
    last = text.rfind(":")
    if "/" in text[:last] and ":" not in text[:last] and len(text) - last == 65:
        return _replicate_version(text, 0)
    if len(names) > 2 and "/" not in names[0]:
        return canonical(text, ALIASES.get(names[0], names[0]), len(names[0]))
    hint = "Write the zoo first, such as hf:owner/name."
    if text[:1] in ("/", ".", "~", "\\"):
        hint = f"Write file:{text} for a path of this machine."
    elif text.count("/") == 1 and ":" not in text:
        hint = f"Write the zoo first, such as hf:{text}."
    if ":" in text:
        wrong = next((i for i, c in enumerate(text) if not (c.isascii() and (c.isalnum() or c == "-"))), 0)
        raise failure(text, wrong, "what stands before the first colon is no scheme of a zoo", hint)
    raise failure(text, 0, "it names no zoo", hint)


def _replicate_version(text: str, start: int) -> Parts:
    colon = text.rfind(":")
    return _parts("replicate", Part(text[start:colon], start), Part(lowered(text[colon + 1 :]), colon + 1))


def _parts(scheme: str, identity: Part, revision: Part | None, path: Part | None = None) -> Parts:
    return Part(scheme, 0), identity, revision, None, path


# -- addresses --------------------------------------------------------------------------------------


def _uri(text: str, scheme: str, start: int) -> Parts:
    """What has ``://``: a web address, ``hf://`` or ``file://``."""
    scheme = lowered(scheme)
    if scheme in ("http", "https"):
        return _web(text, start)
    if scheme in ("hf", "huggingface"):
        return _hub_uri(text, start)
    if scheme == "file":
        return _file_uri(text, start)
    raise failure(text, start - 3, "this kind of address names no model", "Write a reference, such as hf:owner/name.")


def _file_uri(text: str, start: int) -> Parts:
    """``file:///path``, ``file://localhost/path`` and ``file:///C:/path`` (RFC 8089)."""
    slash = text.find("/", start)
    host = text[start:slash] if slash >= 0 else text[start:]
    if slash < 0 or host not in ("", "localhost"):
        # A share of another machine would send this user's name there; it can be mounted first.
        raise failure(text, start, "a file of another machine is not read", "Write file:/path for a local folder.")
    path = text[slash:]
    if path[2:4] == ":/" and path[1].isalpha():
        slash += 1
    if text[slash:].startswith("//"):
        raise failure(text, slash + 1, "a part of the path is empty")
    scheme, identity, revision, digest, _ = canonical(text, "file", slash - 1)
    return scheme, identity, revision, digest, None


class _Address:
    """A web address, cut up: its parts of the path, and the fields of its query."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self.text = text
        self.segments: list[Part] = []
        at = start
        while at < end:
            after = text.find("/", at, end)
            after = end if after < 0 else after
            if after == at:
                raise failure(text, at, "a part of the address is empty")
            self.segments.append(Part(text[at:after], at))
            at = after + 1
        self.end = end
        self.query: dict[str, Part] = {}
        self.digest: Part | None = None
        hash_at = text.find("#", end)
        if text[end : end + 1] == "?":
            at = end + 1
            for field in text[at : None if hash_at < 0 else hash_at].split("&"):
                name, equals, _ = field.partition("=")
                self.query.setdefault(name, _plain(text, at + len(name) + len(equals), at + len(field)))
                at += len(field) + 1
        if hash_at >= 0 and text.startswith("sha256", hash_at + 1):
            self.digest = read_digest(text, hash_at + 1)

    def value(self, index: int) -> str:
        """Returns one part of the path as it is written, empty behind the last."""
        return self.segments[index].value if index < len(self.segments) else ""

    def span(self, first: int, last: int | None = None) -> Part:
        """Returns the parts ``first`` to before ``last`` with the slashes between them, as written."""
        chosen = self.segments[first:last]
        if not chosen:
            return Part("", self.end)
        return Part(self.text[chosen[0].start : chosen[-1].end], chosen[0].start)

    def missing(self, what: str) -> RefError | Unsupported:
        """Returns the error for an address that stops too early."""
        return failure(self.text, self.end, what)

    def unread(self, index: int) -> RefError | Unsupported:
        """Returns the error for a page that is none of a model."""
        return failure(
            self.text,
            self.segments[index].start,
            "this is the address of a page that names no model",
            "Write a reference, such as hf:owner/name.",
        )

    def no_model(self, index: int, what: str) -> RefError | Unsupported:
        """Returns the error for a thing of the zoo that is no model."""
        return failure(
            self.text, self.segments[index].start, f"{what} are not read: zooclient is for models", supported=False
        )


def _host(text: str, start: int) -> str:
    """The host of an address in lower case; empty when it cannot be one of the zoos'."""
    end = _authority_end(text, start)
    host, colon, port = text[start:end].partition(":")
    if colon and port not in ("443", "80"):
        return ""
    return lowered(host)


def _authority_end(text: str, start: int) -> int:
    return min((at for at in (text.find(mark, start) for mark in "/?#") if at >= 0), default=len(text))


def _web(text: str, start: int) -> Parts:
    authority = _authority_end(text, start)
    if "@" in text[start:authority]:
        raise failure(text, start, "an address with a user name or password is not read", "Leave out what precedes @.")
    read = _HOSTS.get(_host(text, start))
    if read is None:
        raise failure(
            text,
            start,
            "this host belongs to no zoo that zooclient knows",
            "Write a reference, such as hf:owner/name, and set the zoo's endpoint for another server.",
        )
    end = min((at for at in (text.find(mark, authority) for mark in "?#") if at >= 0), default=len(text))
    address = _Address(text, authority + 1, end)
    if not address.segments:
        raise address.missing("the address names no model")
    scheme, identity, revision, _, path = read(address)
    if path is not None:
        _check_path(text, path)
    return scheme, identity, revision, address.digest, path


def _plain(text: str, start: int, end: int) -> Part:
    """A piece of an address without percent-encoding; here any character may be encoded."""
    out = []
    at = start
    while at < end:
        if text[at] == "%":
            character, at = unescaped(text, at, end)
        else:
            character, at = text[at], at + 1
        out.append(character)
    return Part("".join(out), start, end)


def _decoded(text: str, part: Part) -> Part:
    return _plain(text, part.start, part.end)


def _check_path(text: str, path: Part) -> None:
    """Refuses a path that would leave the model's folder, or that no file of it can have."""
    try:
        check_printable("path", path.value)
        if "\\" in path.value:
            raise Flaw("path", path.value.index("\\"), "a backslash cannot stand in it")
        check_path_parts("path", path.value)
    except Flaw as flaw:
        raise told(flaw, text, path.position(text, flaw.index)) from None


def _checked_number(text: str, part: Part, what: str) -> str:
    try:
        check_number("id", part.value, 0, what)
    except Flaw as flaw:
        raise told(flaw, text, part.position(text, flaw.index)) from None
    return part.value


# -- Hugging Face -----------------------------------------------------------------------------------


def _hub_web(address: _Address) -> Parts:
    first = 0
    verbs: tuple[str, ...] = _HUB_VERBS
    if address.value(0) == "api":
        first, verbs = 1, _HUB_ROUTES
    if address.value(first) in HUB_KINDS:
        raise address.no_model(first, HUB_KINDS[address.value(first)])
    if address.value(first) == "models" and len(address.segments) > first + 1:
        first += 1
    elif first or address.value(0) in _HUB_PAGES:
        raise address.unread(min(first, len(address.segments) - 1))
    # A name without owner is followed by a verb at once: /gpt2/tree/main.
    verb = first + (1 if address.value(first + 1) in (*verbs, *_HUB_TABS, "commit", "resolve", "refs") else 2)
    identity = address.span(first, verb)
    word = address.value(verb)
    if not word and identity.value.endswith(".git"):
        identity = Part(identity.value[: -len(".git")], identity.start)
    if not word or (word in _HUB_TABS and verbs is _HUB_VERBS):
        return _parts("hf", identity, None)
    if word not in (*verbs, "commit"):
        if verbs is _HUB_ROUTES:
            return _parts("hf", identity, None)
        raise address.unread(verb)
    return _parts("hf", identity, *_revision_and_path(address, verb + 1))


def _revision_and_path(address: _Address, at: int) -> tuple[Part | None, Part | None]:
    """A revision and what follows it; ``refs/pr/1`` may be written with its slashes."""
    if at >= len(address.segments):
        return None, None
    after = at + 1
    if address.value(at) == "refs" and address.value(at + 1) in ("pr", "convert") and address.value(at + 2):
        after = at + 3
    path = _decoded(address.text, address.span(after)) if after < len(address.segments) else None
    return _decoded(address.text, address.span(at, after)), path


def _hub_uri(text: str, start: int) -> Parts:
    """``hf://[models/]owner/name[@revision][/path]``; the revision is percent-encoded, the path is not."""
    kind = text[start : text.find("/", start)] if "/" in text[start:] else text[start:]
    if kind in HUB_KINDS:
        raise failure(text, start, f"{HUB_KINDS[kind]} are not read: zooclient is for models", supported=False)
    if kind == "models":
        start += len("models/")
    end = len(text)
    slash = text.find("/", start)
    slash = slash if slash < 0 else text.find("/", slash + 1)
    at = text.find("@", start)
    revision = None
    if at >= 0 and (slash < 0 or at < slash):
        identity = Part(text[start:at], start)
        after = text.find("/", at)
        for special in ("refs/pr/", "refs/convert/"):
            if text.startswith(special, at + 1):
                after = text.find("/", at + 1 + len(special))
        after = end if after < 0 else after
        revision = _plain(text, at + 1, after)
    else:
        after = end if slash < 0 else slash
        identity = Part(text[start:after], start)
    rest = text[after + 1 :].removesuffix("/")
    path = Part(rest, after + 1) if rest else None
    if path is not None:
        _check_path(text, path)
    return _parts("hf", identity, revision, path)


# -- ModelScope -------------------------------------------------------------------------------------


def _modelscope_web(address: _Address) -> Parts:
    first = 0
    for prefix in (("api", "v1"), ("openapi", "v1")):
        if (address.value(0), address.value(1)) == prefix:
            first = 2
    kind = address.value(first)
    if kind in MODELSCOPE_KINDS or kind == "mcps":
        raise address.no_model(first, MODELSCOPE_KINDS.get(kind, "MCP servers"))
    if kind != "models":
        clone = address.span(0)
        if len(address.segments) == 2 and clone.value.endswith(".git"):
            return _parts("modelscope", Part(clone.value[: -len(".git")], clone.start), None)
        raise address.unread(min(first, len(address.segments) - 1))
    identity = address.span(first + 1, first + 3)
    verb = first + 3
    word = address.value(verb)
    if word == "resolve" or word == "tree":
        return _parts("modelscope", identity, *_revision_and_path(address, verb + 1))
    if (word, address.value(verb + 1)) == ("file", "view"):
        return _parts("modelscope", identity, *_revision_and_path(address, verb + 2))
    if word and word not in _MODELSCOPE_TABS:
        raise address.unread(verb)
    revision = address.query.get("Revision") or address.query.get("revision")
    if word == "commits":
        revision = address.query.get("Ref")
    path = address.query.get("FilePath") if word == "repo" and not address.value(verb + 1) else None
    return _parts("modelscope", identity, revision, path)


# -- Civitai ----------------------------------------------------------------------------------------


def _civitai_web(address: _Address) -> Parts:
    words = [part.value for part in address.segments]
    first = 2 if words[:2] == ["api", "v1"] else 0
    if words[:3] == ["api", "download", "models"]:
        return _civitai_version(address, 3, address.query.get("fileId"))
    if words[first : first + 2] == ["model-versions", "by-hash"]:
        raise failure(
            address.text,
            address.segments[first].start,
            "a hash names a file and no model",
            "zooclient identify finds the models that hold a file.",
            supported=False,
        )
    if words[first : first + 2] == ["model-versions", "mini"]:
        return _civitai_version(address, first + 2, address.query.get("modelFileId"))
    if words[first : first + 1] == ["model-versions"]:
        return _civitai_version(address, first + 1, None)
    if words[first : first + 1] != ["models"]:
        raise address.unread(min(first, len(words) - 1))
    model = address.span(first + 1, first + 2)
    _checked_number(address.text, model, "a model id of Civitai")
    version = address.query.get("modelVersionId")
    if words[first + 2 : first + 3] == ["model-versions"]:
        version = address.span(first + 3, first + 4)
    return _parts("civitai", model, version)


def _civitai_version(address: _Address, index: int, file: Part | None) -> Parts:
    """A version whose model the address does not name; selectors other than the file's id are not read."""
    version = address.span(index, index + 1)
    value = _checked_number(address.text, version, "a version id of Civitai")
    if file is not None:
        value += "+" + _checked_number(address.text, file, "a file id of Civitai")
    return _parts("civitai", Part("", version.start), Part(value, version.start))


# -- Replicate --------------------------------------------------------------------------------------


def _replicate_web(address: _Address) -> Parts:
    if address.value(0) == "p":
        raise address.no_model(0, "Predictions")
    if address.value(0) == "deployments":
        raise address.no_model(0, "Deployments")
    if address.value(0) == "collections":
        raise address.no_model(0, "Collections")
    if address.value(0) in _REPLICATE_PAGES:
        raise address.unread(0)
    return _replicate_model(address, 0)


def _replicate_api(address: _Address) -> Parts:
    if (address.value(0), address.value(1)) != ("v1", "models"):
        raise address.unread(min(1, len(address.segments) - 1))
    return _replicate_model(address, 2)


def _replicate_model(address: _Address, first: int) -> Parts:
    identity = address.span(first, first + 2)
    tab = address.value(first + 2)
    if tab and tab not in _REPLICATE_TABS:
        raise address.unread(first + 2)
    revision = None
    if tab == "versions" and address.value(first + 3):
        version = address.span(first + 3, first + 4)
        revision = Part(lowered(version.value), version.start)
    return _parts("replicate", identity, revision)


def _image(address: _Address) -> Parts:
    """``r8.im/owner/name[:TAG][@sha256:HEX]``: the image's manifest digest is the version."""
    whole = address.span(0)
    return _image_name(address.text, whole.start, whole.end)


def _image_name(text: str, start: int, end: int) -> Parts:
    at = text.find("@", start, end)
    stop = end if at < 0 else at
    tag = text.find(":", start, stop)
    if tag >= 0 and at < 0 and text[tag + 1 : stop] != "latest":
        raise failure(text, tag + 1, "a tag is no version", "Write the image with @sha256: and its digest.")
    identity = Part(text[start : stop if tag < 0 else tag], start)
    if at < 0:
        return _parts("replicate", identity, None)
    prefix = "sha256:"
    if not text.startswith(prefix, at + 1):
        raise failure(text, at + 1, "the digest of an image begins with sha256:")
    begin = at + 1 + len(prefix)
    digest = lowered(text[begin:end])
    try:
        check_hex64("revision", digest, 0, "the digest of an image has 64 hex digits")
    except Flaw as flaw:
        raise told(flaw, text, begin + flaw.index) from None
    return _parts("replicate", identity, Part(digest, begin))


# -- AIR --------------------------------------------------------------------------------------------


def _air(text: str) -> Parts:
    """``[urn:][air:][ecosystem:][type:]source:id[@version][+file][.format]``; ecosystem and type are labels."""
    at = text.find("@")
    stop = len(text) if at < 0 else at
    names = lowered(text[:stop]).split(":")
    start = text.rfind(":", 0, stop) + 1
    source = names[-2] if len(names) > 1 else ""
    if names[0] == "urn" and names[1] != "air":
        raise failure(text, len("urn:"), "this kind of URN names no model", "The one that is read is urn:air:…")
    if source in ("urn", "air") or not source:
        raise failure(text, start, "this AIR names no source", "Write urn:air:ecosystem:type:civitai:MODEL@VERSION.")
    if source == "r8.im":
        return _image_name(text, start, len(text))
    if source == "huggingface":
        return _air_hub(text, start, at)
    if source == "civitai":
        return _air_civitai(text, start, at)
    raise failure(
        text,
        start,
        f"the source {source!r} of an AIR is no zoo that zooclient reads",
        "Sources that are read: civitai, huggingface.",
        supported=False,
    )


def _air_hub(text: str, start: int, at: int) -> Parts:
    if at < 0:
        return _parts("hf", Part(text[start:], start), None)
    version = text[at + 1 :]
    stem, dot, suffix = version.rpartition(".")
    if dot and suffix.lower() in _AIR_FORMATS:
        version = stem
    stem, plus, file = version.rpartition("+")
    if plus and file and not file.strip(DIGITS):
        version = stem
    return _parts("hf", Part(text[start:at], start), Part(version, at + 1))


def _air_civitai(text: str, start: int, at: int) -> Parts:
    if at < 0:
        number, rest = _digits(text, start)
        _air_tail(text, rest, allow_file=False)
        return _parts("civitai", number, None)
    version, rest = _digits(text, at + 1)
    file = _air_tail(text, rest, allow_file=True)
    value = version.value if file is None else f"{version.value}+{file}"
    return _parts("civitai", Part(text[start:at], start), Part(value, at + 1))


def _digits(text: str, start: int) -> tuple[Part, int]:
    end = start
    while end < len(text) and text[end] in DIGITS:
        end += 1
    number = Part(text[start:end], start)
    _checked_number(text, number, "an id of Civitai")
    return number, end


def _air_tail(text: str, at: int, *, allow_file: bool) -> str | None:
    """Reads ``[:layer][+file][.format]``; gives the file, drops the labels."""
    at = _skip_label(text, at, ":")
    file = None
    if text[at : at + 1] == "+":
        if not allow_file:
            raise failure(text, at, "a file needs the version that it belongs to", "Write MODEL@VERSION+FILE.")
        number, at = _digits(text, at + 1)
        file = number.value
    at = _skip_label(text, at, ".?")
    if at < len(text):
        raise failure(text, at, "this AIR goes on where it should end")
    return file


def _skip_label(text: str, at: int, marks: str) -> int:
    if at < len(text) and text[at] in marks:
        at += 1
        while at < len(text) and text[at].isascii() and (text[at].isalnum() or text[at] in "_-?"):
            at += 1
    return at


_HOSTS: dict[str, Callable[[_Address], Parts]] = {
    "huggingface.co": _hub_web,
    "www.huggingface.co": _hub_web,
    "hf.co": _hub_web,
    "modelscope.cn": _modelscope_web,
    "www.modelscope.cn": _modelscope_web,
    "modelscope.ai": _modelscope_web,
    "www.modelscope.ai": _modelscope_web,
    "civitai.com": _civitai_web,
    "www.civitai.com": _civitai_web,
    "api.civitai.com": _civitai_web,
    "civitai.red": _civitai_web,
    "civitai.green": _civitai_web,
    "civitai.blue": _civitai_web,
    "replicate.com": _replicate_web,
    "www.replicate.com": _replicate_web,
    "api.replicate.com": _replicate_api,
    "r8.im": _image,
}
