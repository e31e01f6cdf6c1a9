"""What each part of a reference may be: the rules of every scheme, and where a text breaks them.

The Hub's rules for names are those of ``huggingface_hub`` 2.4, the rules for revisions those of ``git
check-ref-format``; Civitai's ids are int4 columns; a version of Replicate is the digest of an image. Nothing here
uses a regular expression: compiling a few costs more than all that a warm load does.
"""

from __future__ import annotations

#: Other names of schemes → the canonical one.
ALIASES = {"huggingface": "hf", "ms": "modelscope"}

#: Zoos of ours whose every pin is a full commit, 40 hex.
COMMITS = ("hf", "modelscope")

_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_LOWER = "abcdefghijklmnopqrstuvwxyz"
DIGITS = "0123456789"
HEX = "0123456789abcdef"
ALNUM = _UPPER + _LOWER + DIGITS
NAME_CHARS = ALNUM + "_.-"
REVISION_CHARS = ALNUM + "._/+-"
_GENERIC = ALNUM + "._~+=,/-"

_MAX_SCHEME = 32
MAX_ID = 512
_MAX_PATH = 4096
_MAX_REVISION = 256
_MAX_INT4 = 2147483647  # Civitai's ids are int4 columns

#: First parts that the Hub gives to what is no model; an owner cannot have these names.
HUB_KINDS = {"datasets": "Datasets", "spaces": "Spaces", "kernels": "Kernels", "buckets": "Buckets"}
MODELSCOPE_KINDS = {"datasets": "Datasets", "studios": "Studios", "skills": "Skills", "mcp": "MCP servers"}


class Flaw(Exception):
    """What is wrong with one part, before it is known where that part stands."""

    def __init__(self, field: str, index: int, what: str, hint: str | None = None, *, supported: bool = True) -> None:
        super().__init__(what)
        self.field = field
        self.index = index
        self.what = what
        self.hint = hint
        self.supported = supported


def check(scheme: str, identity: str, revision: str | None, digest: str | None) -> None:
    """Raises :class:`Flaw` for the first part that is malformed."""
    _check_scheme(scheme)
    _CHECKS.get(scheme, _check_generic)(identity, revision)
    if revision is not None:
        _REVISION_CHECKS.get(scheme, _check_revision)(revision)
    if digest is not None:
        _check_digest(digest)


def _check_scheme(scheme: str) -> None:
    allowed = _LOWER + DIGITS + "-"
    if scheme in _CHECKS:
        return
    if scheme in ALIASES:
        raise Flaw("scheme", 0, f"the scheme is written {ALIASES[scheme]}")
    if scheme in ("urn", "air"):
        raise Flaw("scheme", 0, f"{scheme} is no zoo: it begins an AIR, which names one itself")
    if not scheme:
        raise Flaw("scheme", 0, "it names no zoo", "Write the zoo first, such as hf:owner/name.")
    _only("scheme", scheme, allowed, "a scheme")
    if scheme[0] not in _LOWER:
        raise Flaw("scheme", 0, "a scheme begins with a letter")
    if len(scheme) == 1 or len(scheme) > _MAX_SCHEME:
        raise Flaw("scheme", min(len(scheme), _MAX_SCHEME) - 1, f"a scheme has 2 to {_MAX_SCHEME} characters")


def _check_hf(identity: str, revision: str | None) -> None:
    parts = identity.split("/")
    if len(parts) > 1 and parts[0] in HUB_KINDS:
        raise Flaw(
            "id",
            0,
            f"{HUB_KINDS[parts[0]]} are not read: zooclient is for models",
            "For a dataset or a Space use the zoo's own client.",
            supported=False,
        )
    at = 0
    for part in parts:
        _name_part(part, at, 96)
        for wrong in ("--", ".."):
            if wrong in part:
                raise Flaw("id", at + part.index(wrong), f"a name of this zoo cannot hold {wrong}")
        if part[-1] in ".-":
            raise Flaw("id", at + len(part) - 1, f"a name of this zoo cannot end with {part[-1]}")
        if part.endswith(".git"):
            raise Flaw("id", at + len(part) - 4, "a name of this zoo cannot end with .git")
        at += len(part) + 1
    _count(parts, 1)


def _check_modelscope(identity: str, revision: str | None) -> None:
    parts = identity.split("/")
    if len(parts) > 1 and parts[0] in MODELSCOPE_KINDS:
        raise Flaw("id", 0, f"{MODELSCOPE_KINDS[parts[0]]} are not read: zooclient is for models", supported=False)
    _owner_name(parts)


def _check_replicate(identity: str, revision: str | None) -> None:
    parts = identity.split("/")
    if len(parts) > 1 and parts[0] == "deployments":
        raise Flaw("id", 0, "a deployment is no model: it runs one", "Name the model that it runs.", supported=False)
    _owner_name(parts)


def _owner_name(parts: list[str]) -> None:
    at = 0
    for part in parts:
        _name_part(part, at, 128)
        if ".." in part:
            raise Flaw("id", at + part.index(".."), "a name of this zoo cannot hold ..")
        at += len(part) + 1
    _count(parts, 2)


def _check_civitai(identity: str, revision: str | None) -> None:
    if identity:
        check_number("id", identity, 0, "a model id of Civitai")
    elif revision is None:
        raise Flaw("id", 0, "the model id is missing", "Write civitai:MODEL@VERSION.")


def _check_file(identity: str, revision: str | None) -> None:
    if revision is not None:
        raise Flaw("revision", 0, "a path has no revision", "Write %40 for an @ in a path.")
    if not identity:
        raise Flaw("id", 0, "the path is missing", "Write file:/path/to/folder.")
    if len(identity) > _MAX_PATH:
        raise Flaw("id", _MAX_PATH, f"a path has at most {_MAX_PATH} characters")
    for wrong, what, hint in (
        ("\\", "a backslash cannot stand in a path", "Write / between folders, such as file:C:/models/name."),
        ("//", "a part of the path is empty", None),
    ):
        if wrong in identity:
            raise Flaw("id", identity.index(wrong), what, hint)
    if len(identity) > 1 and identity[-1] == "/" and not (identity[1:] == ":/" and identity[0] in ALNUM):
        raise Flaw("id", len(identity) - 1, "a path does not end with a slash")
    check_printable("id", identity)


def _check_generic(identity: str, revision: str | None) -> None:
    if len(identity) > MAX_ID:
        raise Flaw("id", MAX_ID, f"an id has at most {MAX_ID} characters")
    _only("id", identity, _GENERIC, "an id")
    check_path_parts("id", identity)


def _check_git_revision(revision: str) -> None:
    """The rules of ``git check-ref-format``, so that no server is asked for what cannot be."""
    _check_revision(revision)
    if revision.strip(REVISION_CHARS):
        for index, character in enumerate(revision):
            if character in " ~^:?*[\\":
                raise Flaw("revision", index, f"{named(character)} cannot stand in a revision of git")
    if "@{" in revision or ".." in revision:
        wrong = "@{" if "@{" in revision else ".."
        raise Flaw("revision", revision.index(wrong), f"{wrong} cannot stand in a revision of git")
    if revision[0] == "-":
        raise Flaw("revision", 0, "a revision of git cannot begin with -")
    if revision[0] == "." or "/." in revision:
        index = 0 if revision[0] == "." else revision.index("/.") + 1
        raise Flaw("revision", index, "no part of a revision of git can begin with a dot")
    if revision[-1] == ".":
        raise Flaw("revision", len(revision) - 1, "a revision of git cannot end with a dot")


def _check_revision(revision: str) -> None:
    if not revision:
        raise Flaw("revision", -1, "the revision is missing", "Leave out the @ for the zoo's default.")
    if len(revision) > _MAX_REVISION:
        raise Flaw("revision", _MAX_REVISION, f"a revision has at most {_MAX_REVISION} characters")
    if revision.strip(REVISION_CHARS):
        check_printable("revision", revision)
        for index, character in enumerate(revision):
            pair = revision[index + 1 : index + 3]
            if character == "%" and len(pair) == 2 and not pair.lower().strip(HEX):
                raise Flaw("revision", index, "it is percent-encoded twice")
    check_path_parts("revision", revision)


def _check_civitai_revision(revision: str) -> None:
    if not revision:
        _check_revision(revision)
    version, plus, file = revision.partition("+")
    check_number("revision", version, 0, "a version id of Civitai")
    if plus:
        check_number("revision", file, len(version) + 1, "a file id of Civitai")


def _check_replicate_revision(revision: str) -> None:
    if not revision:
        _check_revision(revision)
    check_hex64("revision", revision, 0, "a version of Replicate has 64 hex digits")


def _check_digest(digest: str) -> None:
    if not digest.startswith("sha256:"):
        raise Flaw("content_digest", 0, "a content digest is written sha256: and 64 lower-case hex digits")
    check_hex64("content_digest", digest, len("sha256:"), "a content digest has 64 hex digits")


_CHECKS = {
    "hf": _check_hf,
    "modelscope": _check_modelscope,
    "civitai": _check_civitai,
    "replicate": _check_replicate,
    "file": _check_file,
}
_REVISION_CHECKS = {
    "hf": _check_git_revision,
    "modelscope": _check_git_revision,
    "civitai": _check_civitai_revision,
    "replicate": _check_replicate_revision,
}


def _count(parts: list[str], fewest: int) -> None:
    """Refuses an id that is no ``owner/name``; ``fewest`` is 1 where a name needs no owner."""
    if len(parts) < fewest:
        raise Flaw("id", len(parts[0]), "the id is owner/name, and the name is missing")
    if len(parts) > 2:
        hint = "Leave out models/" if parts[0] == "models" and len(parts) == 3 else None
        raise Flaw("id", len(parts[0]) + 1 + len(parts[1]), "the id is owner/name, and this goes on", hint)


def _name_part(part: str, at: int, limit: int) -> None:
    if not part:
        raise Flaw("id", at, "a part of the id is empty")
    _only("id", part, NAME_CHARS, "a name of this zoo", at)
    if part[0] in ".-":
        raise Flaw("id", at, f"a name of this zoo cannot begin with {part[0]}")
    if len(part) > limit:
        raise Flaw("id", at + limit, f"a name of this zoo has at most {limit} characters")


def _only(field: str, value: str, allowed: str, what: str, at: int = 0) -> None:
    if value.strip(allowed):
        index = len(value) - len(value.lstrip(allowed))
        raise Flaw(field, at + index, f"{named(value[index])} cannot stand in {what}")


def check_path_parts(field: str, value: str) -> None:
    """Refuses what would leave a folder, were it taken for a path."""
    at = 0
    for part in value.split("/"):
        if not part:
            raise Flaw(field, min(at, max(len(value) - 1, 0)), "a part of it is empty")
        if part in (".", ".."):
            raise Flaw(field, at, f"{part} cannot be a part of it")
        at += len(part) + 1


def check_number(field: str, value: str, at: int, what: str) -> None:
    """Refuses what is no positive int4 in its one spelling; ``at`` is where it begins in the field."""
    index = len(value) - len(value.lstrip(DIGITS))
    if index < len(value) or not value or value[0] == "0":
        raise Flaw(field, at + index if value[:1] != "0" else at, f"{what} is a positive number")
    if len(value) > 10 or int(value) > _MAX_INT4:
        raise Flaw(field, at, f"{what} is at most {_MAX_INT4}")


def check_hex64(field: str, value: str, at: int, what: str) -> None:
    """Refuses what is not 64 lower-case hex digits from ``at`` on."""
    digits = value[at:]
    index = len(digits) - len(digits.lstrip(HEX))
    if index != 64 or len(digits) != 64:
        raise Flaw(field, at + min(index, 64), what)


def check_printable(field: str, value: str) -> None:
    """Refuses controls, halves of characters, and what breaks or reverses the line in which it is shown."""
    if value.isprintable():
        return
    for index, character in enumerate(value):
        code = ord(character)
        if (
            code < 0x20
            or 0x7F <= code <= 0x9F
            or 0xD800 <= code <= 0xDFFF
            or code in (0x2028, 0x2029, 0x200E, 0x200F, 0xFEFF)
            or 0x202A <= code <= 0x202E
            or 0x2066 <= code <= 0x2069
        ):
            raise Flaw(field, index, f"{named(character)} cannot stand in it")


def named(character: str) -> str:
    """How a character is called in a message: itself where it can be seen and is what it seems."""
    if character == " ":
        return "a space"
    if character.isascii() and character.isprintable():
        return repr(character)
    return f"U+{ord(character):04X}"
