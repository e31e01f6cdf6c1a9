"""Policies as text and as values, and what they have against a model."""

from __future__ import annotations

from datetime import date

import pytest
from attrs import evolve

from zooclient import Allowance, FileEntry, License, ModelRecord, Policy, Ref
from zooclient.errors import ConfigError
from zooclient.records.card import Card
from zooclient.records.model import Access, Layer
from zooclient.records.policy import RULES, Violation
from zooclient.records.policycheck import Subject, judge, refusal

SHA = "a" * 40
DAY = date(2026, 6, 1)
RECORD = ModelRecord(
    ref=Ref.parse(f"hf:acme/model@{SHA}"),
    requested=Ref.parse("hf:acme/model@main"),
    pin="commit",
    title="model",
    author="acme",
    license=License(spdx="CC-BY-NC-4.0", raw="cc-by-nc-4.0", kind="non-commercial"),
    base_models=("hf:acme/base",),
    access=Access(state="gated"),
    tags=("custom_code",),
    files=(
        FileEntry(path="README.md", size=10, role="card"),
        FileEntry(path="pytorch_model.bin", size=5_000, role="weights", format="pickle"),
        FileEntry(path="modeling.py", size=100, role="code"),
    ),
)
ALL = """
[policy]
require-pinned = true
zoos = ["civitai", "ms"]
owners = ["else", "modelscope:acme"]
remote-code = false
max-size = "1kB"
sections = ["limitations", "Carbon"]
gates = ["open"]
licenses = { allow = ["open-source"] }
formats = { forbid = ["pickle", "gguf"] }
"""


def subject(record: ModelRecord = RECORD) -> Subject:
    return Subject(
        record=record,
        files=record.files,
        bases=(("hf:acme/base", License(spdx="GPL-3.0-only", raw="gpl-3.0")), ("hf:acme/far", None)),
        card=Card.parse("# M\n\n## Limitations\n\nMore information needed.\n\n## Carbon\n\nLittle.\n"),
        moving=record.requested,
    )


def against(policy: Policy, of: Subject | None = None, today: date = DAY) -> list[str]:
    return [one.rule for one in judge(policy, of or subject(), today)[0]]


def test_everything_that_is_wrong_is_told_at_once() -> None:
    """One look finds every rule that is broken, each with its place, value, and how to allow it."""
    found, notes = judge(Policy.parse(ALL, source="zoo.toml"), subject(), DAY)
    assert [one.rule for one in found] == [
        "require-pinned",
        "zoos",
        "owners",
        "licenses",
        "gates",
        "formats",
        "remote-code",
        "max-size",
        "sections",
    ]
    by_rule = {one.rule: one for one in found}
    assert (by_rule["formats"].place, by_rule["formats"].value) == ("pytorch_model.bin", "pickle")
    assert by_rule["sections"].value == "limitations"
    assert by_rule["gates"].value == "gated"
    assert 'allow = [{ ref = "hf:acme/model", rule = "licenses", reason = "…" }]' in by_rule["licenses"].remedy
    assert notes == ("The licence of hf:acme/far, from which hf:acme/model@" + SHA + " was made, is not known here.",)
    error = refusal(found)
    assert error.exit_code == 6
    assert error.violations == found
    assert all(rule in error.message for rule in by_rule)
    assert "zoo.toml" in error.message and "CC-BY-NC-4.0" in error.message


def test_an_empty_policy_lets_everything_pass() -> None:
    """What a policy does not say, it does not restrict."""
    assert against(Policy.parse("[policy]")) == []


def test_base_models_are_held_to_the_same_licences_unless_said_otherwise() -> None:
    """The licence of a base model counts as far as it is known, under a rule of its own."""
    denied = 'licenses = { deny = ["GPL-3.0"] }'
    assert against(Policy.parse(f"[policy]\n{denied}")) == ["base-licenses"]
    alone = Policy.parse('[policy]\nlicenses = { deny = ["GPL-3.0"], base-models = false }')
    assert judge(alone, subject(), DAY) == ((), ())


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule != "base-licenses"])
def test_an_exception_is_from_one_rule_for_one_model(rule: str) -> None:
    """What is excepted passes, is told with its reason, and everything else is refused as before."""
    text = ALL + f'allow = [{{ ref = "hf:acme/model", rule = "{rule}", reason = "We asked." }}]'
    before = against(Policy.parse(ALL))
    found, notes = judge(Policy.parse(text), subject(), DAY)
    assert [one.rule for one in found] == [one for one in before if one != rule]
    assert any("We asked." in note and rule in note for note in notes)
    other = evolve(RECORD, ref=Ref.parse(f"hf:acme/other@{SHA}"), requested=Ref.parse("hf:acme/other"))
    assert against(Policy.parse(text), subject(other)) == before


def test_an_exception_for_a_revision_is_for_no_other() -> None:
    """A reference with a revision excepts that one alone."""
    policy = Policy.parse("[policy]\ngates = ['open']")
    for revision, rules in ((SHA, []), ("b" * 40, ["gates"])):
        allowance = Allowance(ref=RECORD.ref.at(revision), rule="gates", reason="Agreed.")
        assert against(evolve(policy, allow=(allowance,))) == rules


def test_an_exception_ends_with_its_last_day() -> None:
    """On its last day it holds; after that it is void, and the sentence says that it ended."""
    policy = Policy.parse(
        '[policy]\ngates = ["open"]\n'
        'allow = [{ ref = "hf:acme/model", rule = "gates", reason = "Trial.", until = 2026-06-01 }]'
    )
    assert against(policy, today=DAY) == []
    found, _ = judge(policy, subject(), date(2026, 6, 2))
    assert [one.rule for one in found] == ["gates"]
    assert "its exception ended on 2026-06-01" in found[0].told


def test_code_is_found_by_files_and_by_what_the_record_says() -> None:
    """Without its files, a model whose record tells of code is refused all the same."""
    policy = Policy(remote_code=False)
    assert against(policy) == ["remote-code"]
    bare = evolve(subject(), files=RECORD.files[:2])
    assert against(policy, bare) == ["remote-code"]
    assert against(policy, evolve(bare, record=evolve(RECORD, tags=()))) == []
    mapped = evolve(RECORD, tags=(), extra={"config": {"auto_map": {"AutoModel": "modeling.M"}}})
    assert against(policy, evolve(bare, record=mapped)) == ["remote-code"]


def test_what_nobody_has_looked_into_is_not_let_pass() -> None:
    """A layer of an image that was never opened may hold anything, so neither rule on files lets it pass."""
    layer = FileEntry.of_layer(Layer(digest="c" * 64, size=10, target="src/weights"))
    closed = evolve(subject(evolve(RECORD, tags=())), files=(layer,))
    assert against(Policy(forbidden_formats=("pickle",), remote_code=False), closed) == ["formats", "remote-code"]
    assert against(Policy(max_size=10), closed) == []


def test_only_what_is_wanted_counts() -> None:
    """A pickle that nobody fetches breaks no rule, and neither does its size."""
    policy = Policy(forbidden_formats=("pickle",), max_size=200)
    assert against(policy) == ["formats", "max-size"]
    assert against(policy, evolve(subject(), files=RECORD.files[:1])) == []


def test_a_size_that_is_not_told_is_not_below_a_bound() -> None:
    """A file of unknown size could be any size."""
    files = (FileEntry(path="model.safetensors", role="weights", format="safetensors"),)
    assert against(Policy(max_size=10**12), evolve(subject(), files=files)) == ["max-size"]


def test_owners_are_meant_at_one_zoo_or_at_any() -> None:
    """A bare name is meant everywhere, one with a scheme there, and case does not count."""
    for owners, rules in ((("ACME",), []), (("hf:Acme",), []), (("modelscope:acme",), ["owners"]), ((), ["owners"])):
        assert against(Policy(owners=owners)) == rules


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "no table [policy]"),
        ("[policy", "not TOML"),
        ("[policy]\nrequire-pined = true", "require-pined"),
        ("[policy]\nrequire-pinned = 1", "require-pinned"),
        ("[policy]\nzoos = 'hf'", "zoos"),
        ("[policy]\ngates = ['opened']", "opened"),
        ("[policy]\nmax-size = 'big'", "max-size"),
        ("[policy]\nmax-size = -1", "max-size"),
        ("[policy]\nlicenses = ['MIT']", "licenses"),
        ("[policy]\nlicenses = { permit = ['MIT'] }", "permit"),
        ("[policy]\nlicenses = { allow = [1] }", "licenses.allow"),
        ("[policy]\nformats = { forbid = ['pickles'] }", "pickles"),
        ("[policy]\nallow = { ref = 'hf:a/b' }", "allow"),
        ("[policy]\nallow = ['hf:a/b']", "allow, 1"),
        ("[policy]\nallow = [{ ref = 'hf:a/b', rule = 'formats' }]", "no reason"),
        ("[policy]\nallow = [{ ref = 'hf:a/b', rule = 'formats', reason = ' ' }]", "no reason"),
        ("[policy]\nallow = [{ rule = 'formats', reason = 'x' }]", "no ref"),
        ("[policy]\nallow = [{ ref = 'hf:a/b', rule = 'format', reason = 'x' }]", "'format'"),
        ("[policy]\nallow = [{ ref = 'nonsense', rule = 'formats', reason = 'x' }]", "reference"),
        ("[policy]\nallow = [{ ref = 'hf:a/b', rule = 'formats', reason = 'x', until = '2027' }]", "until"),
        (
            "[policy]\nallow = [{ ref = 'hf:a/b', rule = 'formats', reason = 'x', until = 2027-01-01T00:00:00 }]",
            "until",
        ),
        ("[policy]\nallow = [{ ref = 'hf:a/b', rule = 'formats', reason = 'x', by = 'me' }]", "by"),
    ],
)
def test_what_cannot_be_a_policy_is_refused_by_name(text: str, named: str) -> None:
    """A policy with a slip in it is an error that names the slip: nothing is passed over in silence."""
    with pytest.raises(ConfigError) as caught:
        Policy.parse(text, source="zoo.toml")
    assert named in caught.value.message
    assert "zoo.toml" in caught.value.message


def test_an_allowance_by_hand_needs_a_reason_too() -> None:
    """Neither in text nor in code is there an exception without a reason, or from a rule that there is not."""
    ref = Ref.parse("hf:a/b")
    with pytest.raises(ConfigError, match="no reason"):
        Allowance(ref=ref, rule="formats", reason="")
    with pytest.raises(ConfigError, match="no rule"):
        Allowance(ref=ref, rule="anything", reason="x")  # type: ignore[arg-type]


def test_a_violation_is_written_and_read() -> None:
    """A violation is a record like every other."""
    for one in judge(Policy.parse(ALL), subject(), DAY)[0]:
        assert Violation.from_dict(one.to_dict()) == one
