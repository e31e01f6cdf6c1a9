"""References: ``scheme:id[@revision][#sha256=HEX]``, one line of text that names a model.

==============  ==================  =======================================  ===============================
scheme          id                  revision                                 what an immutable pin is
==============  ==================  =======================================  ===============================
``hf``          ``[owner/]name``    commit, branch, tag, ``refs/pr/N``       the commit, 40 hex
``modelscope``  ``owner/name``      commit, branch, tag                      the commit, 40 hex
``civitai``     model id            ``VERSION[+FILE]``, ids                  only a content digest
``replicate``   ``owner/name``      version id, 64 hex                       the version
``file``        a path              none                                     only a content digest
any other       parts with ``/``    any                                      40 or 64 hex, a commit or a digest
==============  ==================  =======================================  ===============================

``huggingface`` and ``ms`` are read as ``hf`` and ``modelscope``. The text is split at the first ``@``. A revision is
percent-encoded outside ``[A-Za-z0-9._/+-]``; a path of ``file:`` encodes ``@ # %`` and takes ``file:C:/…``; no other
part may hold ``%``, and a character that needs no encoding may not be encoded, so every reference has one spelling.
``civitai:@VERSION`` names a version whose model is not known yet.

The addresses of web pages, ``hf://``, AIR and ``r8.im`` are read by :mod:`zooclient.records.spellings`, which is
imported only for them: the canonical text is on the path of every warm load.
"""

from __future__ import annotations

from typing import Self

from attrs import evolve, frozen

from zooclient.errors import RefError, Unsupported
from zooclient.records.rules import ALIASES, ALNUM, COMMITS, HEX, MAX_ID, NAME_CHARS, REVISION_CHARS, Flaw, check, named

_MAX_TEXT = 8192


@frozen(kw_only=True)
class Ref:
    """One model, perhaps at one revision.

    Every ``Ref`` is valid: the constructor refuses what :meth:`parse` would refuse, and
    ``Ref.parse(str(ref)) == ref`` for all of them.

    Attributes:
        scheme: Canonical scheme of the zoo, such as ``hf``.
        id: The model's id at the zoo. Empty only for a Civitai version whose model is not known yet.
        revision: Revision as text, decoded. None: the zoo's default.
        content_digest: ``sha256:HEX`` that the selected snapshot must have. None: any.

    Raises:
        RefError: A part is malformed; ``position`` is None, because there is no text to point into.
        Unsupported: It names something that is no model, such as ``hf:datasets/…``.
    """

    scheme: str
    id: str
    revision: str | None = None
    content_digest: str | None = None

    def __attrs_post_init__(self) -> None:
        try:
            check(self.scheme, self.id, self.revision, self.content_digest)
        except Flaw as flaw:
            raise told(flaw, f"{self.scheme}:{self.id}", None) from None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads a reference in any of its spellings: canonical, web address, ``hf://``, AIR, ``r8.im/…``.

        Selectors of one file in a web address are dropped; :func:`parse_with_path` gives them.

        Raises:
            RefError: It cannot be read; ``position`` is the index of the offending character in ``text``.
            Unsupported: It names something that is no model, such as a dataset.
        """
        return cls._build(text, read(text))

    @classmethod
    def _build(cls, text: str, parts: Parts) -> Self:
        scheme, identity, revision, digest, _ = parts
        try:
            return cls(
                scheme=scheme.value,
                id=identity.value,
                revision=None if revision is None else revision.value,
                content_digest=None if digest is None else "sha256:" + digest.value,
            )
        except (RefError, Unsupported):
            # Asked again, because only the text knows at which character each part begins.
            raise _located(text, parts) from None

    def __str__(self) -> str:
        identity = _encoded(self.id, "@#%") if self.scheme == "file" else self.id
        text = f"{self.scheme}:{identity}"
        if self.revision is not None:
            text += "@" + _quoted(self.revision)
        if self.content_digest is not None:
            text += "#" + self.content_digest.replace(":", "=")
        return text

    def at(self, revision: str | None) -> Self:
        """Returns the same model at another revision, without a content digest."""
        return evolve(self, revision=revision, content_digest=None)

    @property
    def pinned(self) -> bool:
        """Whether nobody can make this reference mean other bytes.

        True with a content digest, whatever the revision is called: any other content is refused. Else true for the
        full 40-hex commit of ``hf`` and ``modelscope`` and for a version of ``replicate``. A Civitai version or file
        id alone is no pin, because the zoo may replace the bytes behind it; neither is a path. At a zoo of another
        package 40 and 64 lower-case hex digits are one, a commit or a digest: its provider owes that they mean the
        same for ever, see :class:`zooclient.providers.base.Provider`.
        """
        if self.content_digest is not None:
            return True
        if self.revision is None or self.scheme in ("civitai", "file"):
            return False
        digits = (40,) if self.scheme in COMMITS else (40, 64)
        return self.scheme == "replicate" or (len(self.revision) in digits and not self.revision.strip(HEX))

    @property
    def versioned(self) -> bool:
        """Whether it names one version of a zoo that may replace the bytes behind it.

        Such a reference is as good as a pin where a record of it is held, because the record's digests go with it.
        """
        return self.scheme == "civitai" and self.revision is not None and bool(self.id)


def parse_with_path(text: str) -> tuple[Ref, str | None]:
    """Reads a reference, and the file or folder in the model to which a web address or ``hf://`` points.

    Returns:
        The reference, and the decoded path below the model's root; None when the text names the model alone.

    Raises:
        RefError: It cannot be read; ``position`` is the index of the offending character in ``text``.
        Unsupported: It names something that is no model.
    """
    parts = read(text)
    return Ref._build(text, parts), None if parts[4] is None else parts[4].value


# -- parts of a text --------------------------------------------------------------------------------


class Part:
    """A piece of a text: its decoded value, and where in the text it came from."""

    __slots__ = ("end", "start", "value")

    def __init__(self, value: str, start: int, end: int | None = None) -> None:
        self.value = value
        self.start = start
        self.end = start + len(value) if end is None else end

    def position(self, text: str, index: int) -> int:
        """Returns where in ``text`` the character ``index`` of the value stands."""
        if self.end - self.start == len(self.value):
            return self.start + index
        at = self.start
        for character in self.value[:index]:
            at += 3 * len(character.encode()) if text[at] == "%" else 1
        return at


#: scheme, id, revision, content digest (hex), path within the model
Parts = tuple[Part, Part, Part | None, Part | None, Part | None]


def told(flaw: Flaw, text: str, position: int | None) -> RefError | Unsupported:
    """Returns the error that the caller sees for ``flaw``, found at ``position`` of ``text``."""
    return failure(text, position, flaw.what, flaw.hint, supported=flaw.supported)


def failure(
    text: str, position: int | None, what: str, hint: str | None = None, *, supported: bool = True
) -> RefError | Unsupported:
    """Returns the error for ``text``, which is masked and shortened where it is shown."""
    shown = _masked(text)
    if not supported:
        return Unsupported(what[:1].upper() + what[1:] + ".", ref=shown[:MAX_ID], hint=hint)
    around = max(0, (position or 0) - 60)
    excerpt = ("…" if around else "") + shown[around : around + 120] + ("…" if len(shown) > around + 120 else "")
    where = "" if position is None else f" (at character {position})"
    message = f"The reference {excerpt!r} cannot be read: {what}{where}."
    return RefError(message, position=position, ref=shown, hint=hint)


def _masked(text: str) -> str:
    """Hides what may be a secret in a web address, character for character, so that positions still hold."""
    head, mark, query = text.partition("?")
    slashes = head.find("://")
    if slashes >= 0:
        end = head.find("/", slashes + 3)
        end = len(head) if end < 0 else end
        at = head.rfind("@", slashes + 3, end)
        if at >= 0 and not head.startswith("hf://"):
            head = head[: slashes + 3] + "*" * (at - slashes - 3) + head[at:]
    if not mark or (slashes < 0 and "/" not in head):
        return head + mark + query
    fields = []
    for item in query.split("&"):
        name, equals, value = item.partition("=")
        known = name.lower() in ("modelversionid", "fileid", "modelfileid", "revision", "filepath", "ref")
        fields.append(name + equals + (value if known else "*" * len(value)))
    return head + mark + "&".join(fields)


def _located(text: str, parts: Parts) -> RefError | Unsupported:
    scheme, identity, revision, digest, _ = parts
    places = {"scheme": scheme, "id": identity, "revision": revision, "content_digest": digest}
    try:
        check(
            scheme.value,
            identity.value,
            None if revision is None else revision.value,
            None if digest is None else "sha256:" + digest.value,
        )
    except Flaw as flaw:
        part = places[flaw.field] or identity
        index = flaw.index - len("sha256:") if flaw.field == "content_digest" else flaw.index
        return told(flaw, text, part.position(text, index))
    raise AssertionError("a reference was refused and then accepted")


# -- reading ----------------------------------------------------------------------------------------


def read(text: str) -> Parts:
    """Cuts a text into its parts, decoded but not yet checked.

    Raises:
        RefError: It has no such parts; ``position`` is the index of the offending character in ``text``.
        Unsupported: It names something that is no model.
    """
    if len(text) > _MAX_TEXT:
        raise failure(text, _MAX_TEXT, f"it is longer than {_MAX_TEXT} characters")
    colon = text.find(":")
    head = text[: max(colon, 0)]
    if colon >= 0 and not text.startswith("//", colon + 1) and not head.strip(ALNUM + "-"):
        scheme = ALIASES.get(head.lower(), head.lower())
        at = text.find("@")
        # A second colon in the id is no part of the canonical form: it is AIR, or an image of Replicate.
        if scheme == "file" or (text.find(":", colon + 1, len(text) if at < 0 else at) < 0 and head.lower() != "air"):
            return canonical(text, scheme, colon)
    from zooclient.records.spellings import read_other

    return read_other(text)


def canonical(text: str, scheme: str, colon: int) -> Parts:
    """The parts of ``scheme:id[@revision][#sha256=HEX]``; ``colon`` is where the first colon stands."""
    if len(scheme) == 1 and text[colon + 1 : colon + 2] in ("\\", "/"):
        path = text[colon + 1 :].replace("\\", "/")
        raise failure(text, 0, "a path of this machine needs the scheme file", f"Write file:{text[:colon]}:{path}")
    end = text.find("#", colon)
    digest = None
    if end < 0:
        end = len(text)
    else:
        digest = read_digest(text, end + 1, "Write %23 for a # in a path." if scheme == "file" else None)
    at = text.find("@", colon, end)
    revision = None
    if at >= 0:
        revision = Part(decoded(text, at + 1, end, REVISION_CHARS), at + 1, end)
        if scheme == "replicate":
            revision.value = lowered(revision.value)
        end = at
    if scheme == "file":
        return Part(scheme, 0, colon), _read_path(text, colon + 1, end), revision, digest, None
    return Part(scheme, 0, colon), Part(text[colon + 1 : end], colon + 1, end), revision, digest, None


def _read_path(text: str, start: int, end: int) -> Part:
    """The path of ``file:``; the closing slash that a shell's completion leaves is dropped."""
    while end - start > 1 and text[end - 1] == "/" and text[end - 2] not in ":/":
        end -= 1
    return Part(decoded(text, start, end, None), start, end)


def read_digest(text: str, start: int, hint: str | None = None) -> Part:
    """The hex of the fragment ``sha256=HEX`` that begins at ``start``."""
    prefix = "sha256="
    if not text.startswith(prefix, start):
        wrong = next((i for i, c in enumerate(prefix) if text[start + i : start + i + 1] != c), 0)
        raise failure(text, start + wrong, "what follows # must be sha256= and 64 hex digits", hint)
    start += len(prefix)
    return Part(lowered(text[start:]), start)


def decoded(text: str, start: int, end: int, plain: str | None) -> str:
    """Returns ``text[start:end]`` without percent-encoding.

    Args:
        text: The whole text, for the position of what is wrong.
        start: Where the part begins.
        end: Where the part ends.
        plain: Characters that may stand unencoded; None: all may. One that may stand so must not be encoded.

    Raises:
        RefError: An escape is broken, is no UTF-8, or hides a character that needs none; or one is missing.
    """
    raw = text[start:end]
    if plain is None and "%" not in raw:
        return raw
    if plain is not None and not raw.strip(plain):
        return raw
    out = []
    at = start
    while at < end:
        if text[at] != "%":
            if plain is not None and text[at] not in plain:
                raise failure(text, at, f"{named(text[at])} cannot stand in a revision", _encoding_hint(text[at]))
            out.append(text[at])
            at += 1
            continue
        character, after = unescaped(text, at, end)
        if character in (plain or NAME_CHARS + "/\\"):
            raise failure(
                text, at, f"{text[at:after]} hides {named(character)}, which needs no encoding", f"Write {character}"
            )
        out.append(character)
        at = after
    return "".join(out)


def unescaped(text: str, at: int, end: int) -> tuple[str, int]:
    """The one character that the escapes from ``at`` on mean, and where they end."""
    data = b""
    after = at
    while len(data) < 4 and after + 3 <= end and text[after] == "%":
        pair = text[after + 1 : after + 3]
        if pair.lower().strip(HEX) or not pair.isascii():
            break
        data += bytes((int(pair, 16),))
        after += 3
        try:
            return data.decode(), after
        except UnicodeDecodeError:
            continue
    raise failure(text, at, "% must be followed by two hex digits, which together are UTF-8")


def lowered(text: str) -> str:
    """Returns ASCII text in lower case; other text unchanged, because some of it would turn into ASCII."""
    return text.lower() if text.isascii() else text


# -- writing ----------------------------------------------------------------------------------------


def _encoding_hint(character: str) -> str | None:
    """What to write instead; None for what git refuses in a revision, and for what cannot be meant."""
    code = ord(character)
    if character in " ~^:?*[\\" or code < 0x20 or 0x7F <= code <= 0x9F or 0xD800 <= code <= 0xDFFF:
        return None
    return f"Write {_quoted(character)} if it is meant."


def _quoted(value: str) -> str:
    """Percent-encodes what a revision cannot hold as it is."""
    if not value.strip(REVISION_CHARS):
        return value
    return "".join(c if c in REVISION_CHARS else _escaped(c) for c in value)


def _encoded(value: str, characters: str) -> str:
    """Percent-encodes ``characters``, of which ``%`` is one."""
    if not any(character in value for character in characters):
        return value
    return "".join(_escaped(c) if c in characters else c for c in value)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())
