"""Looking at a card before it is published, and completing one from what is known."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from publishkit import CARD

from zooclient.errors import ConfigError
from zooclient.records.card import Card
from zooclient.records.cardcheck import card_findings, contradiction, refused
from zooclient.records.cardfacts import CardFacts, Result, facts_of, read_results
from zooclient.records.cardmaking import complete
from zooclient.records.licenses import license_of
from zooclient.records.model import License


def lic(claim: str) -> License:
    return license_of([claim])


def rules(text: str | None, *bases: tuple[str, License | None]) -> dict[str, str]:
    """Rule → gravity of what is found."""
    return {finding.rule: finding.gravity for finding in card_findings(text, bases)}


# -- check --------------------------------------------------------------------------------------


def test_a_whole_card_gives_nothing_to_say() -> None:
    """A card with a licence and the needed sections has no findings."""
    assert rules(CARD) == {}
    assert rules(CARD, ("org/base", lic("mit"))) == {}


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        (None, "card-missing"),
        ("", "front-matter-missing"),
        ("# Only text\n", "front-matter-missing"),
        ("---\nlicense: [mit\n---\n# A\n", "front-matter-invalid"),
        ("---\nlicense: mit\n", "front-matter-invalid"),
        ("---\nlicense: mit\nlicense: mit\n---\n# A\n", "front-matter-invalid"),
        ("---\ntags: [a]\n---\n# A\n", "license-missing"),
    ],
)
def test_what_refuses_a_card(text: str | None, rule: str) -> None:
    """Without a card, readable front matter and a licence nothing is published."""
    assert rules(text)[rule] == "refused"


def test_missing_sections_are_warnings() -> None:
    """A card without the sections that a reader needs is told so, and let through."""
    found = rules("---\nlicense: mit\n---\n# A\n")
    assert found == dict.fromkeys(
        ("section-uses", "section-limitations", "section-training", "section-evaluation"), "warning"
    )


@pytest.mark.parametrize(
    ("claim", "base"),
    [
        ("apache-2.0", "cc-by-nc-4.0"),
        ("openrail", "cc-by-nc-4.0"),
        ("mit", "llama3.1"),
        ("apache-2.0", "gemma"),
        ("mit", "cc-by-sa-4.0"),
        ("apache-2.0", "gpl-3.0"),
        ("cc-by-nc-nd-4.0", "cc-by-nd-4.0"),
    ],
)
def test_a_licence_that_contradicts_the_base_refuses(claim: str, base: str) -> None:
    """What allows more than the base model's licence, or ends its sharing alike, is refused by name."""
    text = CARD.replace("apache-2.0", claim)
    found = card_findings(text, [("org/base", lic(base))])
    assert [finding.rule for finding in refused(found)] == ["license-contradicts-base"]
    assert "org/base" in found[0].message
    assert base in found[0].message


@pytest.mark.parametrize(
    ("claim", "base"),
    [
        ("cc-by-nc-4.0", "mit"),
        ("apache-2.0", "mit"),
        ("llama3.1", "llama3.1"),
        ("cc-by-nc-sa-4.0", "cc-by-nc-4.0"),
        ("cc-by-sa-4.0", "cc-by-sa-3.0"),
        ("gpl-3.0", "gpl-2.0"),
    ],
)
def test_a_licence_that_allows_no_more_is_let_through(claim: str, base: str) -> None:
    """The same licence, or one that allows less, contradicts nothing."""
    assert contradiction(lic(claim), lic(base)) is None


@pytest.mark.parametrize("base", [None, License(), lic("house-rules-1.0")])
def test_an_unknown_base_licence_is_told_and_not_refused(base: License | None) -> None:
    """What cannot be compared is a note."""
    assert rules(CARD, ("org/base", base)) == {"base-license-unknown": "note"}


@pytest.mark.parametrize(("claim", "rule"), [("house-rules-1.0", "license-unknown"), ("other", "license-unnamed")])
def test_a_licence_that_says_little_is_a_warning(claim: str, rule: str) -> None:
    """A licence of nobody's list may be meant; it is told."""
    assert rules(CARD.replace("apache-2.0", claim)) == {rule: "warning"}


@given(st.text(max_size=400))
def test_any_text_can_be_checked(text: str) -> None:
    """Whatever an author wrote, a look at it gives findings and no error."""
    assert all(finding.message for finding in card_findings(text, ()))


# -- facts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("configs", "wanted"),
    [
        (
            {"config.json": {"architectures": ["LlamaForCausalLM"], "_name_or_path": "org/base"}},
            ("org/base", "finetune", "transformers", "text-generation"),
        ),
        (
            {
                "adapter_config.json": {"base_model_name_or_path": "org/base", "task_type": "CAUSAL_LM"},
                "config.json": {"_name_or_path": "org/other"},
            },
            ("org/base", "adapter", "peft", "text-generation"),
        ),
        ({"config.json": {"_name_or_path": "/home/me/model", "architectures": []}}, (None, None, "transformers", None)),
        ({"config.json": {"_name_or_path": "./out/checkpoint"}}, (None, None, None, None)),
        ({"model_index.json": {"_class_name": "StableDiffusionPipeline"}}, (None, None, "diffusers", "text-to-image")),
        ({"modules.json": []}, (None, None, "sentence-transformers", "sentence-similarity")),
        (
            {"config.json": {"architecture": "vit", "pretrained_cfg": {}}},
            (None, None, "timm", "image-classification"),
        ),
        ({"configuration.json": {"task": "nli", "framework": "pytorch"}}, (None, None, None, "nli")),
        ({"config.json": None, "adapter_config.json": []}, (None, None, "peft", None)),
    ],
)
def test_configs_tell_base_library_and_task(configs: dict[str, Any], wanted: tuple[str | None, ...]) -> None:
    """Each library's own config is read for what it says, and a path of somebody's machine is no base model."""
    facts = facts_of("m", configs, ())
    assert (facts.base, facts.relation, facts.library, facts.task) == wanted


def test_results_of_a_trainer_and_of_the_harness_are_read() -> None:
    """Numbers that were measured are taken; times, counts and deviations are not."""
    trainer = {"eval_accuracy": 0.9, "eval_runtime": 3.0, "eval_samples_per_second": 4.0, "epoch": 1.0, "x": "y"}
    assert read_results(trainer) == (Result(metric="accuracy", value=0.9),)
    harness = {"results": {"arc": {"acc,none": 0.5, "acc_stderr,none": 0.1, "f1,strict": 1, "alias": "arc"}}}
    assert read_results(harness) == (
        Result(metric="acc", value=0.5, dataset="arc"),
        Result(metric="f1 (strict)", value=1.0, dataset="arc"),
    )
    assert read_results([1]) == ()


# -- init ---------------------------------------------------------------------------------------

FACTS = CardFacts(
    title="tiny",
    base="org/base",
    relation="finetune",
    license=lic("apache-2.0"),
    library="transformers",
    task="text-generation",
    framework="pytorch",
    parameters={"F32": 1000, "BF16": 24},
    results=(Result(metric="accuracy", value=0.875, dataset="glue"),),
)


def test_a_new_card_says_what_is_known_at_both_zoos() -> None:
    """The front matter is that of both zoos, the sections hold facts, and a look at it only warns."""
    made = complete("", FACTS)
    card = Card.parse(made.text)
    assert card.problems == ()
    assert dict(card.data) == {
        "license": "apache-2.0",
        "base_model": "org/base",
        "base_model_relation": "finetune",
        "library_name": "transformers",
        "frameworks": ["pytorch"],
        "pipeline_tag": "text-generation",
        "tasks": ["text-generation"],
        "model-index": [
            {
                "name": "tiny",
                "results": [
                    {
                        "task": {"type": "text-generation"},
                        "dataset": {"type": "glue", "name": "glue"},
                        "metrics": [{"type": "accuracy", "value": 0.875}],
                    }
                ],
            }
        ],
    }
    assert "Parameters: 1,024 (BF16 24, F32 1,000)" in made.text
    assert made.sections == (
        *("Model Details", "Uses", "Bias, Risks, and Limitations", "Training Details", "Evaluation"),
    )
    left = {finding.rule: finding.gravity for finding in card_findings(made.text, [("org/base", lic("mit"))])}
    assert left == dict.fromkeys(("section-uses", "section-limitations", "section-training"), "warning")


def test_nothing_that_was_written_is_touched() -> None:
    """Comments, order, quotes and line ends of the author stay; what was said already is not said again."""
    before = (
        "---\r\n# mine\r\nlicense:   'mit'  # really\r\npipeline_tag: other-task\r\n---\r\n# T\r\n\r\n## Uses\r\nX\r\n"
    )
    made = complete(before, FACTS)
    head, rest = before.split("---\r\n# T")
    assert made.text.startswith(head)
    assert "---\r\n# T" + rest in made.text
    assert "\n" not in made.text.replace("\r\n", "")
    card = Card.parse(made.text)
    assert (card.data["license"], card.data["pipeline_tag"], card.data["base_model"]) == (
        "mit",
        "other-task",
        "org/base",
    )
    assert [section.title for section in card.sections].count("Uses") == 1


def test_completing_again_changes_nothing() -> None:
    """A card that was completed has nothing to be added."""
    once = complete(CARD, FACTS)
    again = complete(once.text, FACTS)
    assert (again.text, again.keys, again.sections) == (once.text, (), ())


@pytest.mark.parametrize("broken", ["---\nlicense: [\n---\n", "---\nlicense: mit\n", "---\n- a\n---\n"])
def test_a_card_that_cannot_be_read_is_not_completed(broken: str) -> None:
    """Nothing is added to what is broken."""
    with pytest.raises(ConfigError, match="cannot be completed"):
        complete(broken, FACTS)


def test_front_matter_in_one_line_is_left_to_its_author() -> None:
    """Where lines cannot be added safely, they are named."""
    with pytest.raises(ConfigError, match="nothing can be added safely") as caught:
        complete("---\n{license: mit}\n---\n# A\n", FACTS)
    assert "base_model: org/base" in str(caught.value.hint)


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=300))
def test_whatever_stands_there_still_stands_there(body: str) -> None:
    """For any text below a head: it is kept to the letter, and the completed card can be read."""
    before = f"---\nlicense: mit\n---\n{body}"
    made = complete(before, FACTS)
    assert before.partition("---\n")[2].partition("---\n")[2] in made.text
    assert Card.parse(made.text).data["base_model"] == "org/base"


@given(st.text(max_size=200))
def test_a_card_without_front_matter_keeps_its_text(text: str) -> None:
    """A README of any kind gets a head and keeps every character, or is refused."""
    try:
        made = complete(text, FACTS)
    except ConfigError:
        return
    assert text.removeprefix("\ufeff") in made.text
