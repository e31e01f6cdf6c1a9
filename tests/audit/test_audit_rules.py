"""The rules on record and card: against cards that were read by hand, and against each thing that can be wrong."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st
from support import recorded

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.judging import judge
from zooclient.auditing.licensetext import is_license_file, license_in
from zooclient.auditing.subject import Base, Subject
from zooclient.records.audit import AuditReport
from zooclient.records.card import Card
from zooclient.records.licenses import license_of
from zooclient.records.model import Access, FileEntry, License, ModelRecord
from zooclient.records.ref import Ref

REF = Ref(scheme="hf", id="org/name", revision="a" * 40)
FULL = """---
license: apache-2.0
datasets: [squad]
---
# Name

## Uses

It answers questions.

## Limitations

It cannot count.

## Evaluation

| set | F1 |
|---|---|
| squad | 91 |
"""

#: Card → what a person who reads it finds missing, and whether its licence is clear.
READ_BY_HAND: dict[str, set[str]] = {
    "bloom.md": set(),
    "bloom_draft_deprecated.md": set(),
    "devstral-small-2507.md": {"limitations-missing", "training-data-missing"},
    "esg-bert_no_license.md": {"license-missing", "training-data-missing"},
    "granite-3.1-1b-a400m-instruct.md": {"evaluation-missing"},
    "ke-t5-base.md": {"license-unclear"},
    "lfm2-1.2b.md": {"limitations-missing"},
    "medgemma-27b-it_gated_prompt.md": set(),
    "modelscope_bert-base-chinese_widgets.md": {
        *("uses-missing", "limitations-missing", "training-data-missing", "evaluation-missing")
    },
    "modelscope_default_template.md": {
        *("uses-missing", "limitations-missing", "training-data-missing", "evaluation-missing", "card-placeholder")
    },
    "modelscope_smokefire_damoyolo.md": {"limitations-missing", "training-data-missing", "evaluation-missing"},
    "qcpg-sentences.md": {"license-unclear", "evaluation-missing"},
    "qwen-72b_bilingual_no_license.md": {"license-missing", "limitations-missing", "training-data-missing"},
    "wav2vec2-large-xlsr-53-english_model-index.md": {"limitations-missing"},
    "wizardlm-2-8x22b.md": {"limitations-missing", "training-data-missing"},
}
#: What is told and no shortcoming of the card.
ASIDE = {"links-moving", "card-sections-empty", "license-limits-use", "license-link-moving", "front-matter-missing"}


def record(**changes: Any) -> ModelRecord:
    weights = FileEntry(path="model.safetensors", size=10, digests={"sha256": "0" * 64}, role="weights")
    plain = ModelRecord(
        ref=REF,
        requested=REF,
        pin="commit",
        title="name",
        author="org",
        license=license_of(["apache-2.0"]),
        files=(evolve(weights, format="safetensors"),),
    )
    return evolve(plain, **changes)


def entry(path: str, format_: str | None, **changes: Any) -> FileEntry:
    plain = FileEntry(path=path, size=10, digests={"sha256": "1" * 64}, role="weights", format=format_)
    return evolve(plain, **changes)


def report(text: str | None = FULL, *, of: ModelRecord | None = None, **more: Any) -> AuditReport:
    card = None if text is None else Card.parse(text)
    return judge(Subject(record=of or record(), card=card, **more))


def rules(found: AuditReport) -> set[str]:
    return {one.rule for one in found.findings}


@pytest.mark.parametrize("name", READ_BY_HAND)
def test_a_recorded_card_is_found_to_lack_what_it_lacks(name: str) -> None:
    """Of every recorded card, exactly what a person who reads it misses is told as missing, and nothing else."""
    card = Card.parse(recorded("cards", name).read_text("utf-8"))
    found = judge(Subject(record=record(license=card.license), card=card))
    assert rules(found) - ASIDE == READ_BY_HAND[name]


def test_every_recorded_card_was_read_by_hand() -> None:
    """A card that comes to the recorded ones comes to this list."""
    there = {path.name for path in recorded("cards").glob("*.md")} - {"PROVENANCE.md"}
    assert there == set(READ_BY_HAND)


def test_judging_the_largest_recorded_card_takes_less_than_fifty_milliseconds() -> None:
    """An audit from the record costs at most 50 ms a model once the card is at hand, its reading included."""
    text = recorded("cards", "medgemma-27b-it_gated_prompt.md").read_text("utf-8")
    taken = []
    for _ in range(5):
        begun = time.process_time()
        card = Card.parse(text)
        judge(Subject(record=record(), card=card))
        taken.append(time.process_time() - begun)
    assert min(taken) < 0.05


def test_nothing_is_found_where_all_is_said() -> None:
    """A pinned model with a licence, a card that says everything and safetensors has no finding."""
    assert report().findings == ()


@pytest.mark.parametrize(
    "words",
    [
        "More information needed",
        "[More Information Needed]",
        "<!-- What it is not fit for. -->\n\n[More Information Needed]",
        "- **Risks:** More information needed",
        "### Recommendations\n\nTBD",
        "To be written: what it is not fit for.",
        "",
    ],
)
def test_a_place_holder_says_nothing(words: str) -> None:
    """A section of nothing but a template's words counts as missing, and the evidence names it."""
    found = report(FULL.replace("It cannot count.", words))
    assert "limitations-missing" in rules(found)
    assert "Limitations" in next(one.evidence for one in found.findings if one.rule == "limitations-missing")


@pytest.mark.parametrize(
    "heading", ["**Limitations:** It cannot count.", "## 🚧 Known Limitations\n\nIt cannot count."]
)
def test_a_topic_is_found_under_any_heading_that_authors_write(heading: str) -> None:
    """Bold words that begin a paragraph are headings too, and pictures in a heading do no harm."""
    assert "limitations-missing" not in rules(report(FULL.replace("## Limitations\n\nIt cannot count.", heading)))


def test_a_heading_in_code_is_none() -> None:
    """What stands in a fence is an example, not a section."""
    fenced = FULL.replace(
        "## Limitations\n\nIt cannot count.", "```\n## Limitations\n**Limitations:** none so far\n```"
    )
    assert "limitations-missing" in rules(report(fenced))


CASES: dict[str, tuple[str, AuditReport]] = {}


def case(rule: str, name: str, found: AuditReport) -> None:
    CASES[name] = (rule, found)


def base(claim: str | None) -> Base:
    """A base model with that licence; None: it could not be looked at."""
    if claim is None:
        return Base(name="hf:base/m", of=str(REF), problem="hf:base/m is not there.")
    return Base(name="hf:base/m", of=str(REF), record=record(license=license_of([claim])))


def civitai(base_kind: str | None, **terms: Any) -> ModelRecord:
    told = {"allowNoCredit": True, "allowDerivatives": True, "allowDifferentLicense": False, **terms}
    return record(
        license=License(raw="{}", name="both"),
        metadata={"base_model_license": {"name": "FLUX", "kind": base_kind}, "creator_terms": told},
    )


def with_license(claim: str) -> str:
    return FULL.replace("license: apache-2.0", claim)


APACHE = "                                 Apache License\n                           Version 2.0, January 2004\n"

case("card-missing", "no card", report(None, card_problem="The model has no card."))
case("card-missing", "empty card", report(""))
case("card-unreadable", "gated card", report(None, card_problem="It is gated."))
case("card-placeholder", "only headings", report("---\nlicense: mit\n---\n# Name\n## Uses\n[More Information Needed]"))
case("front-matter-missing", "no front matter", report("# Name\n\nA model."))
case("front-matter-invalid", "broken front matter", report("---\n- a\n---\nA model."))
case("uses-missing", "no uses", report(FULL.replace("## Uses", "## Other")))
case("training-data-missing", "no data", report(FULL.replace("datasets: [squad]", "")))
case("evaluation-missing", "no results", report(FULL.replace("## Evaluation", "## Other")))
case("links-moving", "a branch", report(FULL + "See https://huggingface.co/org/name/blob/main/USE.md.\n"))
case(
    *("links-moving", "a raw branch"),
    report(FULL + "![x](https://raw.githubusercontent.com/org/name/master/x.png)\n"),
)
case("license-missing", "no licence", report(with_license("x: y"), of=record(license=License())))
case("license-unnamed", "other", report(with_license("license: other"), of=record(license=license_of(["other"]))))
case("license-unknown", "own words", report(with_license("license: mine"), of=record(license=license_of(["mine"]))))
case(
    *("license-limits-use", "non-commercial"),
    report(with_license("license: cc-by-nc-4.0"), of=record(license=license_of(["cc-by-nc-4.0"]))),
)
case("license-unclear", "in the text", report(FULL + "\n- **License:** More information needed\n"))
case("license-contradicts-card", "record and card", report(of=record(license=license_of(["mit"]))))
case("license-contradicts-card", "tag and card", report(of=record(tags=("license:mit",))))
case("license-contradicts-card", "card and its text", report(FULL + "\n- **License:** [MIT](https://x.y/z)\n"))
case(
    *("license-contradicts-file", "claim and file"),
    report(license_file="LICENSE", license_text="GNU AFFERO GENERAL PUBLIC LICENSE\n Version 3, 19 November 2007"),
)
case("license-contradicts-base", "base forbids", report(bases=(base("cc-by-nc-4.0"),)))
case("license-contradicts-base", "base shares alike", report(bases=(base("gpl-3.0"),)))
case("license-layers-contradict", "sells", report(of=civitai("non-commercial", allowCommercialUse=["Sell"])))
case(
    *("license-layers-contradict", "other terms"),
    report(of=civitai("non-commercial", allowCommercialUse=[], allowDifferentLicense=True)),
)
case("license-layer-missing", "base not known", report(of=civitai("unknown", allowCommercialUse=[])))
case("license-layer-missing", "creator silent", report(of=civitai("open-weight", allowCommercialUse=None)))
case(
    *("license-link-moving", "link at a branch"),
    report(
        with_license(
            "license: other\nlicense_name: own\nlicense_link: https://huggingface.co/org/name/blob/main/LICENSE"
        ),
        of=record(license=license_of(["other"])),
    ),
)
case("base-license-unknown", "base without licence", report(bases=(base(""),)))
case("base-unread", "base not there", report(bases=(base(None),)))
case(
    "base-missing", "adapter of nothing", report(of=record(files=(entry("adapter_config.json", None, role="config"),)))
)
case("unpinned", "a branch was asked for", report(pinned=False))
case("unpinnable", "no revision", report(of=record(pin="none")))
case("author-missing", "nobody", report(of=record(author=None)))
case(
    *("recently-created", "three days"),
    report(of=record(created_at=datetime(2026, 1, 1, tzinfo=UTC)), now=datetime(2026, 1, 4, tzinfo=UTC)),
)
case("access-limited", "gated", report(of=record(access=Access(state="gated", how="Ask."))))
case("access-gone", "gone", report(of=record(access=Access(state="gone"))))
case("record-from-lock", "the lock alone", report(None, from_lock=True, card_problem="Offline."))
case("pickle-only", "pickles alone", report(of=record(files=(entry("pytorch_model.bin", "pickle"),))))
case(
    *("pickle-beside", "a pickle beside"),
    report(of=record(files=(entry("model.safetensors", "safetensors"), entry("pytorch_model.bin", "pickle")))),
)
case("custom-code", "custom code", report(of=record(tags=("custom_code",))))
case("digest-missing", "no digest", report(of=record(files=(entry("a.gguf", "gguf", digests={}),))))
case(
    *("scan-danger", "the zoo warns"),
    report(of=record(files=(entry("a.ckpt", "pickle", extra={"pickleScanResult": "Danger"}),))),
)
case("card-sections-empty", "an empty section", report(FULL + "\n## Citation\n\nMore information needed\n"))
case("limitations-missing", "no limits", report(FULL.replace("## Limitations", "## Other")))


@pytest.mark.parametrize("name", CASES)
def test_a_rule_finds_what_it_is_about(name: str) -> None:
    """Each rule finds its case, and tells severity, basis and remedy as they are documented."""
    rule, found = CASES[name]
    one = next(finding for finding in found.findings if finding.rule == rule)
    known = RULES[rule]
    assert (one.severity, one.basis, one.remedy) == (known.severity, known.basis, known.remedy)
    assert one.evidence.strip()
    assert one.evidence[-1] in ".!?"


def test_every_rule_has_a_case() -> None:
    """No rule is without a test that it finds something."""
    assert {rule for rule, _ in CASES.values()} == set(RULES)


@pytest.mark.parametrize(
    "found",
    [
        report(license_file="LICENSE", license_text=APACHE),
        report(license_file="LICENSE", license_text="Terms of our own."),
        report(bases=(base("mit"),)),
        report(FULL + "\n- **License:** [Apache 2.0](https://www.apache.org/licenses/LICENSE-2.0)\n"),
        report(FULL + f"See https://huggingface.co/org/name/blob/{'a' * 40}/USE.md.\n"),
        report(of=record(created_at=datetime(2020, 1, 1, tzinfo=UTC)), now=datetime(2026, 1, 4, tzinfo=UTC)),
        report(of=record(tags=("license:apache-2.0",))),
    ],
)
def test_what_agrees_is_no_finding(found: AuditReport) -> None:
    """A licence's text that fits, a link at a commit, an old model: nothing is told."""
    assert found.findings == ()


def test_no_reader_of_the_evidence_is_told_that_a_model_is_safe() -> None:
    """No rule, no evidence and no remedy calls anything safe."""
    words = [f"{rule.about} {rule.remedy}" for rule in RULES.values()]
    words += [one.evidence for _, found in CASES.values() for one in found.findings]
    assert not [text for text in words if re.search(r"\bsafe\b", text, re.IGNORECASE)]


def test_a_rule_that_is_off_finds_nothing_and_is_told() -> None:
    """A rule can be turned off by name; the report says so."""
    subject = Subject(record=record(author=None), card=Card.parse(FULL))
    found = judge(subject, off=("author-missing",))
    assert found.findings == ()
    assert found.off == ("author-missing",)
    assert "author-missing" not in found.rules


def test_a_card_that_speaks_of_a_licence_in_its_text_alone_says_which() -> None:
    """Where no program can read the licence, the evidence says what a person can."""
    text = with_license("x: y") + "\n- **License:** Our own terms\n"
    found = report(text, of=record(license=License()))
    assert "Our own terms" in found.findings[0].evidence


@pytest.mark.parametrize(
    ("text", "known"),
    [
        (APACHE, "apache-2.0"),
        ("MIT License\n\nPermission is hereby granted, free of charge, to any person obtaining a "
         "copy\nof this software and associated documentation files", "mit"),
        ("LLAMA 3.1 COMMUNITY LICENSE AGREEMENT\nLlama 3.1 Version Release Date", "llama3.1"),
        ("META LLAMA 3 COMMUNITY LICENSE AGREEMENT", "llama3"),
        ("# Creative Commons Attribution-NonCommercial 4.0 International", "cc-by-nc-4.0"),
        ("GNU LESSER GENERAL PUBLIC LICENSE\n   Version 3, 29 June 2007", "lgpl-3.0"),
        ("CreativeML Open RAIL-M\ndated August 22, 2022", "creativeml-openrail-m"),
        ("CreativeML Open RAIL++-M License dated November 24, 2022", "openrail++"),
        ("All rights reserved.", None),
        ("", None),
    ],
)  # fmt: skip
def test_a_licence_is_known_by_its_text(text: str, known: str | None) -> None:
    """The text of a common licence is told by its title or first words; anything else is not guessed at."""
    assert license_in(text) == known


def test_licence_files_are_those_at_the_root() -> None:
    """``LICENSE`` in the ways it is spelled, and none of a folder that came from elsewhere."""
    assert all(map(is_license_file, ("LICENSE", "LICENSE.md", "license.txt", "COPYING", "LICENCE")))
    assert not any(map(is_license_file, ("third_party/LICENSE", "LICENSES.md", "README.md")))


@given(st.text(max_size=400), st.text(max_size=60))
def test_whatever_an_author_writes_is_judged(text: str, claim: str) -> None:
    """No card and no licence makes the rules fail."""
    of = record(license=license_of([claim]), created_at=datetime.now(UTC) + timedelta(days=1))
    found = report(f"---\nlicense: {claim!r}\n---\n{text}", of=of, now=datetime.now(UTC), license_text=text)
    assert AuditReport.from_dict(found.to_dict()) == found


def test_every_rule_is_documented() -> None:
    """The reference has an entry for each rule, with why it matters and how to mend it, and for no other."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "reference" / "audit.md").read_text("utf-8")
    entries = dict(re.findall(r"^### `([a-z-]+)`\n\n(.+?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    assert set(RULES) <= set(entries)
    for name, rule in RULES.items():
        assert f"*{rule.severity}, {rule.basis}*" in entries[name], name
        assert "**Mend it:**" in entries[name], name
