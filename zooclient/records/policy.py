"""What may be used here: a policy, as a project, an organisation or a caller states it; pure.

In ``[policy]`` of ``zoo.toml``, ``[tool.zooclient.policy]`` of ``pyproject.toml``, or ``[policy]`` of a file that holds
a floor::

    [policy]
    require-pinned = true                    # no moving name; what a lock names is pinned
    zoos = ["hf", "civitai"]                 # these alone
    owners = ["hf:acme", "mistralai"]        # these alone, at one zoo or at any
    remote-code = false                      # no code that a loader would run
    max-size = "20GB"                        # of the files that are wanted of one model
    sections = ["limitations", "evaluation"] # the card has them, written
    gates = ["open", "gated"]                # how the zoo may guard it
    licenses = { allow = ["Apache-2.0", "open-source"], deny = ["GPL-3.0"], base-models = true }
    formats = { forbid = ["pickle"] }
    allow = [{ ref = "hf:acme/old", rule = "formats", reason = "Until it is converted.", until = 2027-01-31 }]

What is absent restricts nothing. Several policies hold side by side, each with its own exceptions alone, so that one
can be tightened by another and never loosened.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any, Literal, Self, get_args

from attrs import frozen

from zooclient.errors import ConfigError, RefError
from zooclient.records.checks import check_count, check_tuples
from zooclient.records.model import AccessState
from zooclient.records.plain import Plain
from zooclient.records.ref import Ref

#: What a policy can be about; the name by which an exception names it.
Rule = Literal[
    "require-pinned",
    "zoos",
    "owners",
    "licenses",
    "base-licenses",
    "formats",
    "remote-code",
    "max-size",
    "sections",
    "gates",
]
RULES: tuple[Rule, ...] = get_args(Rule)
GATES: tuple[str, ...] = get_args(AccessState)

_LISTS = ("zoos", "owners", "sections", "gates")
_FLAGS = ("require-pinned", "remote-code")
_KEYS = ("require-pinned", "zoos", "owners", "licenses", "formats", "remote-code", "max-size", "sections", "gates")


@frozen(kw_only=True)
class Allowance:
    """An exception from one rule, for one model.

    Attributes:
        ref: The model; without a revision, each of its revisions.
        rule: The rule that does not hold for it.
        reason: Why.
        until: Last day on which it holds. None: it does not end.

    Raises:
        ConfigError: It has no reason, or there is no such rule.
    """

    ref: Ref
    rule: Rule
    reason: str
    until: date | None = None

    def __attrs_post_init__(self) -> None:
        if self.rule not in RULES:
            raise ConfigError(f"There is no rule {self.rule!r} to except {self.ref} from.", hint=_there_are(RULES))
        if not self.reason.strip():
            raise ConfigError(f"The exception of {self.ref} from {self.rule} has no reason.", hint="Say why.")

    def meant_for(self, ref: Ref) -> bool:
        """Whether it is about a model, whatever day it is."""
        same = (self.ref.scheme, self.ref.id) == (ref.scheme, ref.id)
        return same and self.ref.revision in (None, ref.revision)

    def expired(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and self.until < today


@frozen(kw_only=True)
class Policy:
    """What may be used. What is left as it is restricts nothing.

    Attributes:
        source: Where it is written, for sentences.
        require_pinned: No moving name is taken.
        zoos: Schemes that may be used. None: all.
        owners: Who may have made a model: ``OWNER`` at any zoo, or ``SCHEME:OWNER``. None: anybody.
        licenses: Licences that may be: SPDX ids, the zoos' own names, or the kinds ``open-source``, ``open-weight``,
            ``non-commercial`` and ``unknown``. None: all that are not denied.
        denied_licenses: Licences that may not be, in the same words.
        base_licenses: Whether both also hold for the models that a model was made from, where their records are held.
        forbidden_formats: Formats of files that may not be, such as ``pickle``.
        remote_code: Whether a model may bring code that a loader runs.
        max_size: Bytes of the wanted files of a model, at the most. None: any.
        sections: Sections that the card must have: ``uses``, ``limitations``, ``training``, ``evaluation``, or a
            heading.
        gates: States of access that may be. None: all.
        allow: Exceptions.

    Raises:
        ConfigError: A word that is not known.
    """

    source: str = "Client(policy=…)"
    require_pinned: bool = False
    zoos: tuple[str, ...] | None = None
    owners: tuple[str, ...] | None = None
    licenses: tuple[str, ...] | None = None
    denied_licenses: tuple[str, ...] = ()
    base_licenses: bool = True
    forbidden_formats: tuple[str, ...] = ()
    remote_code: bool = True
    max_size: int | None = None
    sections: tuple[str, ...] = ()
    gates: tuple[str, ...] | None = None
    allow: tuple[Allowance, ...] = ()

    def __attrs_post_init__(self) -> None:
        from zooclient.records.classify import FORMATS

        check_tuples(
            zoos=self.zoos,
            owners=self.owners,
            licenses=self.licenses,
            denied_licenses=self.denied_licenses,
            forbidden_formats=self.forbidden_formats,
            sections=self.sections,
            gates=self.gates,
            allow=self.allow,
        )
        check_count("max_size", self.max_size)
        _known(self.gates or (), GATES, f"{self.source}: gates")
        _known(self.forbidden_formats, FORMATS, f"{self.source}: formats.forbid")

    @classmethod
    def parse(cls, text: str, *, source: str = "the policy") -> Self:
        """Reads the ``[policy]`` of a text in TOML.

        Args:
            text: The text.
            source: How to call it in sentences.

        Raises:
            ConfigError: It is not TOML, has no policy, or one that cannot be.
        """
        import tomllib

        try:
            table = tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"{source} is not TOML: {error}.") from error
        return cls.of(table, source=source)

    @classmethod
    def of(cls, table: Mapping[str, Any], *, source: str) -> Self:
        """As :meth:`parse`, of what is parsed already: the table that holds ``policy``.

        Raises:
            ConfigError: It has no policy, or one that cannot be.
        """
        if not isinstance(table.get("policy"), Mapping):
            raise ConfigError(f"{source} has no table [policy].")
        return cls(**_read(table["policy"], source))

    def exception(self, rule: str, *refs: Ref) -> tuple[Allowance, ...]:
        """Returns the exceptions from a rule for a model, ended ones too.

        Args:
            rule: The rule.
            *refs: The model, by every name that it has.
        """
        return tuple(one for one in self.allow if one.rule == rule and any(one.meant_for(ref) for ref in refs))


@frozen(kw_only=True)
class Violation(Plain):
    """One thing about a model that a policy does not let pass.

    Attributes:
        rule: The rule.
        ref: The model, pinned where it is known.
        policy: Where the policy is written.
        place: What it is about: ``reference``, ``record``, ``card``, ``files``, or a base model.
        value: What was found there.
        told: The same as the end of a sentence, and which exception has ended, if one has.
        remedy: How to allow it, as a sentence.
    """

    rule: Rule
    ref: Ref
    policy: str
    place: str
    value: str
    told: str
    remedy: str


def _read(table: Mapping[str, Any], source: str) -> dict[str, Any]:
    where = f"{source}: policy"
    _known(tuple(table), (*_KEYS, "allow"), where)
    read: dict[str, Any] = {"source": source}
    for key in _LISTS:
        if key in table:
            read[key] = _texts(table[key], f"{where}.{key}")
    if "zoos" in read:
        read["zoos"] = tuple(_scheme(zoo) for zoo in read["zoos"])
    for key in _FLAGS:
        if key in table:
            read[key.replace("-", "_")] = _flag(table[key], f"{where}.{key}")
    if "max-size" in table:
        read["max_size"] = _size(table["max-size"], f"{where}.max-size")
    licenses = _table(table, "licenses", ("allow", "deny", "base-models"), where)
    if "allow" in licenses:
        read["licenses"] = _texts(licenses["allow"], f"{where}.licenses.allow")
    if "deny" in licenses:
        read["denied_licenses"] = _texts(licenses["deny"], f"{where}.licenses.deny")
    if "base-models" in licenses:
        read["base_licenses"] = _flag(licenses["base-models"], f"{where}.licenses.base-models")
    formats = _table(table, "formats", ("forbid",), where)
    if "forbid" in formats:
        read["forbidden_formats"] = _texts(formats["forbid"], f"{where}.formats.forbid")
    allow = table.get("allow", [])
    if not isinstance(allow, list):
        raise ConfigError(f"{where}.allow is not a list of tables.")
    read["allow"] = tuple(_allowance(one, f"{where}.allow, {number}") for number, one in enumerate(allow, 1))
    return read


def _allowance(told: Any, where: str) -> Allowance:
    keys = ("ref", "rule", "reason", "until")
    if not isinstance(told, Mapping):
        raise ConfigError(f"{where}, is not a table.")
    _known(tuple(told), keys, where)
    for key in keys[:3]:
        if not isinstance(told.get(key), str) or not told[key].strip():
            raise ConfigError(
                f"{where}, has no {key}.",
                hint='An exception is { ref = "hf:org/name", rule = "formats", reason = "…" }, perhaps with until.',
            )
    until = told.get("until")
    if until is not None and (not isinstance(until, date) or isinstance(until, datetime)):
        raise ConfigError(f"{where}, has an until that is no day.", hint="Such as: until = 2027-01-31")
    _known((told["rule"],), RULES, f"{where}, rule")
    try:
        ref = Ref.parse(told["ref"])
    except RefError as error:
        raise ConfigError(f"{where}, is for no reference: {error.message}", hint=error.hint) from error
    return Allowance(ref=ref, rule=told["rule"], reason=told["reason"], until=until)


def _known(words: tuple[str, ...], known: tuple[str, ...], where: str) -> None:
    unknown = next((word for word in words if word not in known), None)
    if unknown is not None:
        from difflib import get_close_matches

        near = get_close_matches(unknown, known, 1)
        raise ConfigError(
            f"{where} does not know {unknown!r}.", hint=f"Is {near[0]} meant?" if near else _there_are(known)
        )


def _there_are(words: tuple[str, ...]) -> str:
    return f"There are: {', '.join(words)}."


def _table(table: Mapping[str, Any], key: str, known: tuple[str, ...], where: str) -> Mapping[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, Mapping):
        raise ConfigError(f"{where}.{key} is not a table.", hint=f"Such as: {key} = {{ {known[0]} = […] }}")
    _known(tuple(value), known, f"{where}.{key}")
    return value


def _texts(value: Any, where: str) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
        raise ConfigError(f"{where} is not a list of texts.")
    return tuple(value)


def _flag(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise ConfigError(f"{where} is not true or false.")
    return value


def _size(value: Any, where: str) -> int:
    from zooclient.records.sizes import read_size

    try:
        return read_size(value)
    except ValueError as error:
        raise ConfigError(f"{where}: {error}.") from error


def _scheme(text: str) -> str:
    from zooclient.records.rules import ALIASES

    return ALIASES.get(text.lower(), text.lower())
