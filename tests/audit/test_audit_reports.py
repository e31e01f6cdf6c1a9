"""The forms of a report: whole, readable by what they are for, and harmless whatever an author wrote."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any
from xml.etree import ElementTree

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from zooclient.auditing.catalogue import RULES
from zooclient.auditing.cyclonedx import cyclonedx
from zooclient.auditing.html import html
from zooclient.auditing.judging import judge
from zooclient.auditing.markdown import markdown
from zooclient.auditing.plaintext import text
from zooclient.auditing.sarif import SCHEMA, sarif
from zooclient.auditing.sections import TOPICS
from zooclient.auditing.subject import Base, Subject
from zooclient.auditing.wording import verdict
from zooclient.records.audit import SEVERITIES, AuditReport, Finding
from zooclient.records.card import Card
from zooclient.records.licenses import license_of
from zooclient.records.model import FileEntry, ModelRecord
from zooclient.records.ref import Ref

REF = Ref(scheme="hf", id="org/name", revision="a" * 40)
HOSTILE = "<script>alert(1)</script> [x](javascript:y) | `z` @everyone https://evil.example ![i](//evil.example/i.png)"


def record(**changes: Any) -> ModelRecord:
    files = (
        FileEntry(path="pytorch_model.bin", size=2_000_000, digests={"md5": "0" * 32}, role="weights", format="pickle"),
        FileEntry(path="config.json", size=100, digests={"md5": "0" * 32}, role="config"),
    )
    plain = ModelRecord(
        ref=REF, requested=REF, pin="commit", title="A name", author="org", license=license_of(["mit"]), files=files
    )
    return evolve(plain, **changes)


def report(**changes: Any) -> AuditReport:
    base = Base(name="hf:base/m", of=str(REF), record=record(license=license_of(["cc-by-nc-4.0"])))
    root = Base(name="hf:base/root", of="hf:base/m", depth=2, problem="hf:base/root is not there.")
    card = Card.parse("---\nlicense: mit\n---\n# Name\n\n## Uses\n\nTo test.\n")
    return judge(Subject(record=record(**changes), card=card, bases=(base, root)))


def hostile() -> AuditReport:
    """A report in which every text that an author or a zoo can choose is an attack."""
    bad = Finding(rule="pickle-only", severity="high", where=HOSTILE, evidence=HOSTILE, remedy=HOSTILE)
    plain = report(title=HOSTILE, author=HOSTILE, license=license_of([HOSTILE], name=HOSTILE))
    card: dict[str, Any] = {topic: [HOSTILE] for topic in TOPICS}
    told = {**plain.extra, "card": card, "evaluations": [HOSTILE], "sizes": {HOSTILE: 3}}
    return evolve(plain, findings=(bad, *plain.findings), extra=told)


class Page(HTMLParser):
    """The tags of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta",):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words += data


# -- terminal


def test_the_text_says_the_sum_before_the_details() -> None:
    """Who reads five lines knows the model, its licence, and how grave it is."""
    lines = text([report()]).splitlines()
    assert lines[0] == str(REF)
    assert "MIT (open-source), as claimed" in lines[1]
    assert any(line.startswith("2 high") for line in lines[:7])


def test_the_text_fits_its_width_and_a_screen() -> None:
    """A report of one model has at most forty lines, none wider than the terminal."""
    lines = text([report()], 80).splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 40


def test_a_long_report_names_the_rest_by_their_rules() -> None:
    """Of what does not fit the rules are told, with how often."""
    many = tuple(
        Finding(rule="digest-missing", severity="medium", where=f"{n}.bin", evidence="None.", remedy="Lock it.")
        for n in range(50)
    )
    shown = text([evolve(report(), findings=many)])
    assert "digest-missing (38)" in shown
    assert len(shown.splitlines()) < 60


@pytest.mark.parametrize("files", [0, 3])
def test_no_verdict_calls_a_model_safe(files: int) -> None:
    """A report without findings says that this is no proof, and whether the files were looked into."""
    clean = AuditReport(ref=REF, files=files, rules=("unpinned",))
    for shown in (verdict(clean), text([clean]), markdown([clean]), html([clean], version="1")):
        assert "no proof" in shown
        assert not re.search(r"\bsafe\b", shown)
        assert ("were looked into" in shown) is (files > 0) or "not looked into" in shown


# -- JSON


def test_a_report_is_json_and_back() -> None:
    """``to_dict`` gives plain JSON values, of which ``from_dict`` makes the same report."""
    found = report()
    assert AuditReport.from_dict(json.loads(json.dumps(found.to_dict()))) == found


# -- SARIF


def test_sarif_has_the_shape_that_its_specification_asks_for() -> None:
    """The log has what SARIF 2.1.0 requires: version, schema, driver, and results that point at their rules."""
    log = sarif([report(), hostile()], version="1.2.3")
    assert (log["version"], log["$schema"]) == ("2.1.0", SCHEMA)
    [run] = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    assert len(run["results"]) == len(report().findings) + len(hostile().findings)
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert result["level"] in ("none", "note", "warning", "error")
        assert result["message"]["text"]
        [place] = result["locations"]
        uri = place["physicalLocation"]["artifactLocation"]["uri"]
        assert re.fullmatch(r"[A-Za-z0-9._~!$&'()*+,;=:@%/-]+", uri)


def test_sarif_is_what_the_official_schema_describes() -> None:
    """Models that were generated from the official schema, and take nothing that it does not name, take the log."""
    model = pytest.importorskip("pydantic_sarif.model", reason="pydantic-sarif, made from the schema, is not installed")
    schema = model.StaticAnalysisResultsFormatSarifVersion210JsonSchema
    read = schema.model_validate(json.loads(json.dumps(sarif([report(), hostile()], version="1.2.3"))))
    assert len(read.runs[0].results) == len(report().findings) + len(hostile().findings)


def test_a_finding_keeps_its_fingerprint_when_the_model_moves_on() -> None:
    """The same finding at a later revision has the same fingerprint, and another model's has not."""

    def marks(found: AuditReport) -> set[str]:
        return {one["partialFingerprints"]["finding/v1"] for one in sarif([found], version="1")["runs"][0]["results"]}

    other = Ref(scheme="hf", id="org/other", revision="a" * 40)
    assert marks(report()) == marks(evolve(report(), ref=evolve(REF, revision="b" * 40)))
    assert not marks(report()) & marks(evolve(report(), ref=other))


def test_a_place_in_a_file_points_at_the_file() -> None:
    """What stands after the colon is a place in the file, and no part of its address."""
    one = Finding(rule="pickle-global", severity="high", where="a b.bin:30", evidence="E.", remedy="R.")
    log = sarif([AuditReport(ref=REF, findings=(one,))], version="1", about={"pickle-global": "Names."})
    [result] = log["runs"][0]["results"]
    assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "a%20b.bin"
    assert log["runs"][0]["tool"]["driver"]["rules"][0]["shortDescription"]["text"] == "Names."


@pytest.mark.parametrize("severity", SEVERITIES)
def test_every_severity_has_its_level(severity: str) -> None:
    """Graver findings never have a lesser level."""
    order = ["note", "warning", "error"]
    found = [Finding(rule="x", severity=one, where="card", evidence="E.", remedy="R.") for one in SEVERITIES]
    results = sarif([AuditReport(ref=REF, findings=tuple(found))], version="1")["runs"][0]["results"]
    levels = [order.index(one["level"]) for one in results]
    assert levels == sorted(levels)
    assert severity in {one["properties"]["severity"] for one in results}


# -- Markdown


def test_markdown_has_a_row_a_finding() -> None:
    """The table has a row for each finding, and every row as many cells as its head."""
    rows = [line for line in markdown([hostile()]).splitlines() if line.startswith("|")]
    assert len(rows) == len(hostile().findings) + 2
    assert {len(re.split(r"(?<!\\)\|", row)) for row in rows} == {8}


def test_markdown_keeps_what_an_author_wrote_from_being_markup() -> None:
    """No tag, no link, no picture and no mention comes out of a report."""
    shown = markdown([hostile()])
    assert "<script" not in shown
    assert not re.search(r"(?<!\\)\[", shown)
    assert "@everyone" not in shown
    assert "https://evil" not in shown


# -- HTML


def test_the_page_loads_nothing_and_runs_nothing() -> None:
    """No script, no link, no picture from anywhere; and a policy that forbids them."""
    page = Page(html([report(), hostile()], version="1"))
    names = {name for name, _ in page.tags}
    assert names.isdisjoint({"script", "link", "img", "iframe", "object", "embed", "form", "a", "base", "image", "use"})
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name in ("src", "href", "xlink:href") for name in attributes)
    policy = next(
        attributes["content"] for name, attributes in page.tags if name == "meta" and "http-equiv" in attributes
    )
    assert policy is not None
    assert policy.startswith("default-src 'none'")
    assert page.open == []


def test_the_page_has_models_side_by_side_with_their_pictures() -> None:
    """Each model has a card, a licence tree and a plot of its sizes, and every picture is well-formed."""
    shown = html([report(), report(title="Another")], version="1")
    assert shown.count('<article class="model high"') == 2
    pictures = re.findall(r"<svg.*?</svg>", shown, re.DOTALL)
    assert len(pictures) == 4
    for picture in pictures:
        ElementTree.fromstring(picture)  # our own text
    words = Page(shown).words
    for told in ("hf:base/m", "CC-BY-NC-4.0", "hf:base/root", "2.0 MB", "pickle"):
        assert told in words


@given(st.text(max_size=80))
def test_no_text_breaks_out_of_the_page(words: str) -> None:
    """Whatever an author or a zoo writes is shown as text."""
    bad = Finding(rule="pickle-only", severity="high", where=words or "x", evidence=words, remedy=words)
    found = evolve(report(title=words), findings=(bad,))
    plain = evolve(report(title="x"), findings=(evolve(bad, where="x", evidence="x", remedy="x"),))
    shown, expected = (Page(html([one], version="1")).tags for one in (found, plain))
    assert [name for name, _ in shown] == [name for name, _ in expected]


def test_every_rule_that_was_applied_is_told() -> None:
    """A report names the rules that found nothing too, so that nobody takes silence for a rule."""
    assert set(report().rules) >= set(RULES)


# -- CycloneDX


def test_a_bill_of_materials_has_a_component_a_model_with_its_card_and_files() -> None:
    """Each model is a component of its own kind, with card, licence, ancestors, files by digest, and findings."""
    named = FileEntry(path="a.safetensors", size=3, digests={"sha256": "1" * 64}, role="weights", format="safetensors")
    bill = cyclonedx([report(files=(named,)), report(title="Another")], version="1")
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    first = bill["components"][0]
    assert first["type"] == "machine-learning-model"
    assert first["licenses"] == [{"expression": "MIT", "acknowledgement": "declared"}]
    assert [base["name"] for base in first["pedigree"]["ancestors"]] == ["hf:base/m", "hf:base/root"]
    assert first["components"][0]["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert any(one["name"] == "zooclient:finding:high" for one in first["properties"])
    assert len({one["bom-ref"] for one in bill["components"]}) == 2


def test_the_same_reports_make_the_same_bill() -> None:
    """Nothing in it hangs on the clock or on chance."""
    assert cyclonedx([report()], version="1") == cyclonedx([report()], version="1")


def test_a_bill_of_materials_is_what_the_official_schema_describes() -> None:
    """The strict schema of CycloneDX 1.6, as the project's own library brings it, takes the document."""
    validation = pytest.importorskip("cyclonedx.validation.json", reason="cyclonedx-python-lib is not installed")
    schema = pytest.importorskip("cyclonedx.schema")
    bill = json.dumps(cyclonedx([report(), hostile()], version="1"))
    assert validation.JsonStrictValidator(schema.SchemaVersion.V1_6).validate_str(bill) is None
