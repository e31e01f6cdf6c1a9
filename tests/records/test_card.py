"""Model cards: every recorded one, and whatever an author may have written."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import recorded

from zooclient.records.card import Card, heading_key
from zooclient.records.model import License, ModelRecord
from zooclient.records.ref import Ref

#: File → raw licence, SPDX, languages (first two), base models, task, library, number of sections.
CARDS: dict[str, tuple[Any, ...]] = {
    "bloom.md": ("bigscience-bloom-rail-1.0", None, ("ak", "ar"), (), "text-generation", None),
    "bloom_draft_deprecated.md": ("bigscience-bloom-rail-1.0", None, ("ak", "ar"), (), None, None),
    "devstral-small-2507.md": (
        *("apache-2.0", "Apache-2.0", ("en", "fr"), ("mistralai/Mistral-Small-3.1-24B-Instruct-2503",)),
        *("text2text-generation", "vllm"),
    ),
    "esg-bert_no_license.md": (None, None, ("en",), (), None, None),
    "granite-3.1-1b-a400m-instruct.md": (
        *("apache-2.0", "Apache-2.0", (), ("ibm-granite/granite-3.1-1b-a400m-base",)),
        *("text-generation", "transformers"),
    ),
    "ke-t5-base.md": ("apache-2.0", "Apache-2.0", ("en", "ko"), (), None, None),
    "lfm2-1.2b.md": ("other", None, ("en", "ar"), (), "text-generation", "transformers"),
    "medgemma-27b-it_gated_prompt.md": (
        *("other", None, ("en",), ("google/gemma-3-27b-pt",)),
        *("image-text-to-text", "transformers"),
    ),
    "modelscope_bert-base-chinese_widgets.md": (
        *("Apache License 2.0", "Apache-2.0", ("cn",), ()),
        *("fill-mask", "PyTorch"),
    ),
    "modelscope_default_template.md": ("Apache License 2.0", "Apache-2.0", (), (), "text-generation", "Pytorch"),
    "modelscope_smokefire_damoyolo.md": (
        *("Apache License 2.0", "Apache-2.0", (), ()),
        *("domain-specific-object-detection", "pytorch"),
    ),
    "qcpg-sentences.md": ("apache-2.0", "Apache-2.0", (), (), None, None),
    "qwen-72b_bilingual_no_license.md": (None, None, ("zh", "en"), (), "text-generation", None),
    "wav2vec2-large-xlsr-53-english_model-index.md": ("apache-2.0", "Apache-2.0", ("en",), (), None, None),
    "wizardlm-2-8x22b.md": ("apache-2.0", "Apache-2.0", (), (), None, None),
}


def read(name: str) -> Card:
    """Returns a recorded card."""
    return Card.parse(recorded("cards", name).read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", CARDS)
def test_a_recorded_card_gives_its_own_values(name: str) -> None:
    """Licence, languages, base models, task and library of every recorded card are read, without a problem."""
    card = read(name)
    told = (card.license.raw, card.license.spdx, card.languages[:2], card.base_models, card.task, card.library)
    assert told == CARDS[name]
    assert card.problems == ()
    assert card.sections and not card.text.startswith("---")
    assert Card.from_dict(json.loads(json.dumps(card.to_dict()))) == card


def test_every_recorded_card_is_read() -> None:
    """No recorded card lies there without a test that reads it."""
    assert {path.name for path in recorded("cards").iterdir()} == {*CARDS, "PROVENANCE.md"}


def test_the_fullest_card() -> None:
    """The card of BLOOM: 46 languages, widgets, emissions, results, and its limits."""
    card = read("bloom.md")
    assert len(card.languages) == 46 and "code" in card.languages and "no" not in card.data
    assert card.license.kind == "open-weight"
    assert card.data["co2_eq_emissions"]["emissions"] == 24_700_000
    assert card.data["model-index"][0]["results"][0]["metrics"][0]["value"] == 0.15542682926829265
    assert [section.title for section in card.limitations()] == [
        "Misuse and Out-of-scope Use",
        "Risks and Limitations",
        "Recommendations",
    ]
    risks = card.section("risks and limitations")
    assert risks is not None and risks.level == 1 and "Overrepresent some viewpoints" in risks.text
    uses = card.section("Uses")
    assert uses is not None and "### Direct Use" in uses.text, "a section holds its subsections"


def test_cards_of_the_template() -> None:
    """The official template's headings are found, with or without "[optional]", at whatever level."""
    for name in ("ke-t5-base.md", "esg-bert_no_license.md", "qcpg-sentences.md"):
        card = read(name)
        section = card.section("Bias, Risks, and Limitations")
        assert section is not None and section.title == "Bias, Risks, and Limitations"
        assert "Significant research has explored bias" in section.text
        assert [found.title for found in card.limitations()] == ["Out-of-Scope Use", "Bias, Risks, and Limitations"]
        assert card.section("Downstream Use") is not None
        assert card.section("No Such Heading", "How to Get Started with the Model") is not None


def test_a_licence_of_their_own() -> None:
    """Name and address of a licence that is none of the usual are kept; a file name is no address."""
    medgemma, lfm = read("medgemma-27b-it_gated_prompt.md").license, read("lfm2-1.2b.md").license
    assert medgemma.name == "health-ai-developer-foundations"
    assert medgemma.url == "https://developers.google.com/health-ai-developer-foundations/terms"
    assert lfm == License(name="lfm1.0", raw="other")


def test_texts_that_run_over_lines() -> None:
    """A folded prompt is one text, and lists of mappings keep their shape."""
    prompt = read("medgemma-27b-it_gated_prompt.md").data["extra_gated_prompt"]
    assert "Health AI Developer Foundation" in prompt and not prompt.endswith("\n\n")
    widgets = read("esg-bert_no_license.md").data["widget"]
    assert isinstance(widgets, list) and "text" in widgets[0]
    assert read("devstral-small-2507.md").data["inference"] is False
    index = read("wav2vec2-large-xlsr-53-english_model-index.md").data["model-index"]
    assert index[0]["results"][0]["metrics"][0] == {"name": "Test WER", "type": "wer", "value": 19.06}
    assert read("modelscope_bert-base-chinese_widgets.md").data["backbone"] == ["transformer"]


def test_code_is_no_heading() -> None:
    """A comment in a block of code does not become a section."""
    titles = [section.title for section in read("devstral-small-2507.md").sections]
    assert "vLLM (recommended)" in titles and not any("tool calling" in title for title in titles)
    assert [section.title for section in read("granite-3.1-1b-a400m-instruct.md").sections] == [
        "Granite-3.1-1B-A400M-Instruct"
    ]
    assert len(read("wizardlm-2-8x22b.md").sections) == 5


def test_headings_in_other_scripts() -> None:
    """Bilingual headings and headings with tags and pictures are read."""
    assert read("qwen-72b_bilingual_no_license.md").section("介绍 Introduction") is not None
    assert read("modelscope_smokefire_damoyolo.md").section("模型描述") is not None
    assert read("modelscope_default_template.md").sections[0].level == 3
    draft = read("bloom_draft_deprecated.md")
    assert draft.sections[0].title.startswith("DEPRECATED.")
    assert (
        draft.sections[1].title
        == "BLOOM LM BigScience Large Open-science Open-access Multilingual Language Model Model Card"
    )


# -- what authors may write ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"),
        (" \n\t\n", "empty"),
        ("# Title\n", "no front matter"),
        ("---\nlicense: mit\n", "does not end"),
        ("---\nlicense: [mit\n---\n", "no YAML in line"),
        ("---\n\tlicense: mit\n---\n", "no YAML in line 2"),
        ("---\na: b: c\n---\n", "no YAML"),
        ("---\na: \x00\n---\n", "no YAML"),
        ("---\na: \ud800\n---\n", "no YAML"),
        ("---\n- a\n- b\n---\n", "is a list"),
        ("---\njust words\n---\n", "plain text"),
        ("---\nlicense: mit\nlicense: gpl\n---\n", "'license' twice"),
        ("---\n? [a]\n: b\n---\n", "for a name"),
        ("---\na: !!python/object/apply:os.system ['true']\n---\n", "asks for the type"),
        ("---\na: &a [*a]\n---\n", "holds itself"),
        ("---\na: *b\n---\n", "no YAML"),
        ("---\na: " + "[" * 5000 + "\n---\n", "deeper than"),
        ("---\nx: 1\n--- \n---\n", ""),
    ],
)
def test_what_is_broken_is_listed(text: str, word: str) -> None:
    """A broken card is a card with a sentence on what is broken."""
    card = Card.parse(text)
    assert [problem for problem in card.problems if word in problem] or (not word and not card.problems)
    json.dumps(card.to_dict())


def test_an_alias_bomb_is_bounded() -> None:
    """Aliases that would grow to billions of values are refused before they do."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 10)]
    card = Card.parse("---\n" + "\n".join(lines) + "\n---\n")
    assert card.data == {} and any("more than" in problem for problem in card.problems)


def test_a_head_of_megabytes_is_not_read() -> None:
    """A head that no author wrote by hand is not parsed."""
    card = Card.parse("---\na: " + "x" * 2_000_000 + "\n---\n# T\n")
    assert card.data == {} and "longer than" in card.problems[0] and card.sections[0].title == "T"


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("no", "no"), ("yes", "yes"), ("on", "on"), ("off", "off"), ("n", "n"), ("true", True), ("False", False)),
        *(("null", None), ("~", None), ("", None), ("12", 12), ("-3", -3), ("0o17", 15), ("0x1f", 31), ("017", 17)),
        *(("1.5", 1.5), ("1e3", 1000.0), ("1_000", 1000), ("1:30", "1:30"), (".inf", ".inf"), (".nan", ".nan")),
        *(("2024-01-31", "2024-01-31"), ('"12"', "12"), ("'true'", "true"), ("1.5.2", "1.5.2"), ("1e999", "1e999")),
        *(("9" * 5000, "9" * 5000), ("<<", "<<"), ("=", "=")),
    ],
)
def test_values_are_read_by_the_rules_of_yaml_1_2(written: str, value: Any) -> None:
    """Norwegian stays "no", dates and times stay text, and what JSON cannot say stays as it was written."""
    card = Card.parse(f"---\nx: {written}\n---\n")
    assert card.data["x"] == value and type(card.data["x"]) is type(value)
    json.dumps(card.to_dict(), allow_nan=False)


def test_names_of_any_type_become_text() -> None:
    """A number, a truth value or null for a name is that text."""
    assert Card.parse("---\n1: a\ntrue: b\n~: c\n---\n").data == {"1": "a", "true": "b", "~": "c"}


def test_a_merge_is_followed() -> None:
    """The merge key of YAML 1.1, which authors use with anchors, fills in what is not there."""
    card = Card.parse("---\nbase: &b {x: 1, y: 2}\nmine: {<<: *b, y: 3}\n---\n")
    assert card.data["mine"] == {"x": 1, "y": 3}


def test_languages_keep_norwegian() -> None:
    """The language code "no" is no truth value."""
    assert Card.parse("---\nlanguage:\n- no\n- en\n---\n").languages == ("no", "en")
    assert Card.parse("---\nlanguage: no\n---\n").languages == ("no",)


@pytest.mark.parametrize("text", ["\ufeff---\nlicense: mit\n---\n# T\n", "\n\n---\nlicense: mit\n---\n# T\n"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_marks_and_line_ends_of_other_systems(text: str, ending: str) -> None:
    """A byte order mark, blank lines in front and every kind of line end are taken."""
    card = Card.parse(text.replace("\n", ending))
    assert card.license.spdx == "MIT" and card.problems == ()
    assert card.text == "# T\n" and card.sections[0].title == "T"


def test_bytes_in_other_encodings() -> None:
    """UTF-16 with its mark is read; bytes that are no UTF-8 are told, and the rest is read."""
    text = "---\nlicense: mit\n---\n# T\u00e9\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        card = Card.parse(text.encode(encoding))
        assert card.license.spdx == "MIT" and card.problems == () and card.sections[0].title == "T\u00e9"
    card = Card.parse(text.encode("latin-1"))
    assert card.license.spdx == "MIT" and "no UTF-8" in card.problems[0]


@pytest.mark.parametrize(
    ("text", "titles"),
    [
        ("# A #\n## B ##  \n#C\n####### D\n", ["A", "B"]),
        ("```\n# no\n```\n# yes\n", ["yes"]),
        ("~~~ python\n# no\n```\n# no\n~~~\n# yes\n", ["yes"]),
        ("````\n```\n# no\n````\n# yes\n", ["yes"]),
        ("```\n# never closed\n", []),
        ("<!-- # no\n# no -->\n# yes\n", ["yes"]),
        ("Title\n=====\n\nSub\n---\ntext\n", ["Title", "Sub"]),
        ("text\n\n---\n\n- item\n---\n| a |\n---\n", []),
        ("# **Bold** `code` [link](http://x) <a id='x'></a>_it_ snake_case\n", ["Bold code link it snake_case"]),
        ("    # code\n", []),
        ("#\n# \n", ["", ""]),
    ],
)
def test_headings_are_told_from_code_and_rules(text: str, titles: list[str]) -> None:
    """Headings of both kinds are found; code, comments, rules and tables are none."""
    assert [section.title for section in Card.parse("---\na: b\n---\n" + text).sections] == titles


def test_a_section_ends_at_the_next_of_its_level() -> None:
    """The text of a section goes on over its subsections, to the next heading of the same or a higher level."""
    one, two, three, four = Card.parse("# 1\na\n## 2\nb\n### 3\nc\n## 4\nd\n").sections
    assert one.text == "a\n## 2\nb\n### 3\nc\n## 4\nd"
    assert two.text == "b\n### 3\nc" and three.text == "c" and four.text == "d"


def test_a_card_without_text() -> None:
    """A card made of a record has its metadata and its claims, and says why there is no text."""
    record = ModelRecord(
        ref=Ref.parse("hf:a/b"),
        requested=Ref.parse("hf:a/b"),
        pin="none",
        title="b",
        license=License(raw="mit", spdx="MIT"),
        tags=("x",),
        metadata={"language": "de"},
    )
    card = Card.of(record, problem="It is gated.")
    assert card.problems == ("It is gated.",) and card.text == "" and card.languages == ("de",)
    assert card.license.spdx == "MIT" and card.tags == ("x",)


def test_how_headings_are_compared() -> None:
    """Case, punctuation and "[optional]" do not count."""
    assert heading_key("Bias, Risks, and Limitations [Optional]") == "bias risks and limitations"
    assert heading_key("Out-of-Scope Use") == "out of scope use"


PIECES = st.sampled_from(
    [
        *("---", "\n", "license: mit", "# H", "```", "- a", "key: [", "&a", "*a", ": ", "<!--", "-->", "!!x", "|", ">"),
        *("\t", "  ", "\r\n", "\ufeff", '"', "'", "{", "}", "? ", "<<: ", "===", "%TAG", "\x00", "\ud800", "…"),
    ]
)


@given(st.binary(max_size=60))
@settings(max_examples=100, deadline=None)
def test_no_bytes_are_an_error(data: bytes) -> None:
    """Whatever bytes a file has give a card."""
    json.dumps(Card.parse(data).to_dict(), allow_nan=False)


@given(st.one_of(st.text(max_size=200), st.lists(PIECES, max_size=40).map("".join)))
@settings(max_examples=400, deadline=None)
def test_no_text_is_an_error(text: str) -> None:
    """Whatever an author writes gives a card that can be written down and read again."""
    for card in (Card.parse(text), Card.parse(f"---\n{text}\n---\n# x\n")):
        assert Card.from_dict(json.loads(json.dumps(card.to_dict(), allow_nan=False))) == card
        card.limitations()
