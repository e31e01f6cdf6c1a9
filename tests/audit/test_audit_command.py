"""An audit from end to end: by the client in both colours, and by its verb."""

from __future__ import annotations

import asyncio
import importlib
import json
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from cli_shell import typed

import zooclient
from zooclient import AsyncClient, AuditReport, Client, ConfigError, StaleWarning
from zooclient.auditing.catalogue import RULES
from zooclient.auditing.files import RULES as OF_FILES
from zooclient.lock.files import Project
from zooclient.settings import Settings
from zooclient.testing import LocalZoo, Status

CARD = """---
license: mit
base_model: org/middle
---
# Name

## Uses

To test.
"""


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo() as running:
        running.commit("org/root", {"README.md": "---\nlicense: cc-by-nc-4.0\n---\n", "model.safetensors": b"r" * 99})
        middle = "---\nlicense: apache-2.0\nbase_model: org/root\n---\n"
        running.commit("org/middle", {"README.md": middle, "model.safetensors": b"m" * 99})
        files = {"README.md": CARD, "LICENSE": "Apache License\nVersion 2.0, January 2004\n", "config.json": "{}"}
        running.commit("org/name", {**files, "pytorch_model.bin": b"p" * 99})
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


@pytest.fixture
def env(zoo: LocalZoo, folder: Path) -> Mapping[str, str]:
    home = folder.parent
    ends = {f"ZOOCLIENT_{scheme.upper()}_ENDPOINT": url for scheme, url in zoo.endpoints.items()}
    return {"ZOOCLIENT_HOME": str(home / "home"), "ZOOCLIENT_CONFIG": str(home / "c.toml"), "HOME": str(home), **ends}


@pytest.fixture
def client(zoo: LocalZoo, folder: Path) -> Iterator[Client]:
    settings = Settings.from_env({"HOME": str(folder)}, project=folder, surroundings=False)
    with Client(home=folder.parent / "home", endpoints=zoo.endpoints, settings=settings) as made:
        yield made


def rules(report: AuditReport) -> set[str]:
    return {finding.rule for finding in report.findings}


def pin(zoo: LocalZoo) -> str:
    return f"hf:org/name@{zoo.head('org/name')}"


def test_an_audit_gathers_record_card_licence_and_base_models(client: Client, zoo: LocalZoo) -> None:
    """One call finds what each of them tells, and the chain of base models goes down to its root."""
    report = client.audit("hf:org/name")
    assert {"unpinned", "pickle-only", "license-contradicts-file", "limitations-missing"} <= rules(report)
    assert str(report.ref) == pin(zoo)
    chain = [(base["name"], base["depth"], base["license"]) for base in report.extra["bases"]]
    assert chain == [("hf:org/middle", 1, "Apache-2.0"), ("hf:org/root", 2, "CC-BY-NC-4.0")]
    contradiction = [one for one in report.findings if one.rule == "license-contradicts-base"]
    assert ["hf:org/root" in one.evidence for one in contradiction] == [True]


def test_record_snapshot_and_text_give_the_same_findings(client: Client, zoo: LocalZoo) -> None:
    """It does not matter in which form a pinned model is given."""
    text = client.audit(pin(zoo))
    assert client.audit(client.resolve(pin(zoo))).findings == text.findings
    assert client.audit(client.download(pin(zoo))).findings == text.findings
    assert "unpinned" not in rules(text)


def test_both_colours_find_the_same(client: Client, zoo: LocalZoo, folder: Path) -> None:
    """The async client's report is the plain one's."""

    async def ask() -> AuditReport:
        async with AsyncClient(home=folder.parent / "other", endpoints=zoo.endpoints) as other:
            return await other.audit(pin(zoo))

    assert asyncio.run(ask()) == client.audit(pin(zoo))


def test_a_second_audit_of_a_pin_asks_for_no_file_again(client: Client, zoo: LocalZoo) -> None:
    """Card and licence come from the store; only base models that move are asked for anew."""
    first = client.audit(pin(zoo))
    zoo.forget()
    assert client.audit(pin(zoo)) == first
    assert not [seen.path for seen in zoo.requests if "/resolve/" in seen.path or "org/name" in seen.path]


def test_an_audit_offline_says_what_it_could_not_know(client: Client, zoo: LocalZoo, folder: Path) -> None:
    """Without a connection a held model is judged by what is held, and the rest is told as not looked at."""
    client.audit(pin(zoo))
    with Client(home=folder.parent / "home", endpoints=zoo.endpoints, offline=True) as cut_off:
        zoo.forget()
        with pytest.warns(StaleWarning):
            report = cut_off.audit(pin(zoo))
    assert zoo.requests == []
    assert "license-contradicts-file" in rules(report)


def test_a_base_model_that_is_not_there_is_a_finding(client: Client, zoo: LocalZoo) -> None:
    """What cannot be looked at is no error."""
    zoo.commit("org/name", {"README.md": CARD.replace("org/middle", "org/nowhere")})
    assert "base-unread" in rules(client.audit("hf:org/name"))


def test_base_models_that_name_each_other_end(client: Client, zoo: LocalZoo) -> None:
    """A circle of base models is walked once."""
    zoo.commit("org/root", {"README.md": "---\nlicense: mit\nbase_model: org/name\n---\n"})
    zoo.commit("org/middle", {"README.md": "---\nlicense: mit\nbase_model: [org/root, org/middle]\n---\n"})
    names = [base["name"] for base in client.audit("hf:org/name").extra["bases"]]
    assert len(names) == len(set(names)) <= 4


def test_a_lock_is_audited_model_by_model(client: Client, zoo: LocalZoo, folder: Path) -> None:
    """A report for each locked model, in the lock's order; a locked model is pinned, whatever was asked for."""
    client.add("one", "hf:org/name@main", project=folder)
    client.add("two", "hf:org/root@main", project=folder)
    lock = Project.at(folder).lock()
    assert lock is not None
    reports = client.audit(lock)
    assert [report.ref.id for report in reports] == ["org/name", "org/root"]
    assert not any("unpinned" in rules(report) for report in reports)
    settings = Settings.from_env({"HOME": str(folder)}, project=folder, surroundings=False)
    with Client(home=folder.parent / "home", endpoints=zoo.endpoints, settings=settings) as again:
        assert again.audit("one") == reports[0]


def test_a_locked_model_whose_zoo_is_away_is_audited_by_its_lock(zoo: LocalZoo, client: Client, folder: Path) -> None:
    """Where the zoo cannot be asked, the lock alone is read, and the report says so."""
    client.add("one", "hf:org/name@main", project=folder)
    lock = Project.at(folder).lock()
    assert lock is not None
    with Client(home=folder.parent / "empty", endpoints=zoo.endpoints, offline=True) as cut_off:
        [report] = cut_off.audit(lock)
    assert {"record-from-lock", "pickle-only"} <= rules(report)


def test_a_rule_that_does_not_exist_is_refused_before_anybody_is_asked(client: Client, zoo: LocalZoo) -> None:
    """A misspelt rule would turn nothing off; the hint names the one that is meant."""
    zoo.forget()
    with pytest.raises(ConfigError, match="licence-missing") as caught:
        client.audit("hf:org/name", off=["licence-missing"])
    assert caught.value.hint == "Is license-missing meant?"
    assert zoo.requests == []


def test_the_front_has_the_audit_too() -> None:
    """``zooclient.audit`` is the client's method, on the shared client, whichever rooms were imported before."""
    importlib.import_module("zooclient.auditing.judging")

    assert zooclient.audit.__doc__ == Client.audit.__doc__


# -- the files


class Runs:
    """What a harmful pickle holds; loading it would only print."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return print, ("run",)


@pytest.mark.parametrize("form", ["text", "record", "snapshot", "lock"])
def test_the_files_are_looked_into_where_that_is_wished(form: str, client: Client, zoo: LocalZoo, folder: Path) -> None:
    """In whichever form a model is given, a pickle that runs something is found, and only with ``files``."""
    zoo.commit("org/name", {"pytorch_model.bin": pickle.dumps(Runs())})
    ref = pin(zoo)
    if form == "lock":
        client.add("one", ref, project=folder)
        lock = Project.at(folder).lock()
        assert lock is not None
        [report] = client.audit(lock, files=True)
    else:
        target = client.resolve(ref) if form == "record" else client.download(ref) if form == "snapshot" else ref
        report = client.audit(target, files=True)
    assert report.findings[0].rule == "pickle-dangerous"
    assert report.findings[0].where.startswith("pytorch_model.bin")
    assert report.files == 4
    assert "pickle-dangerous" in report.rules
    assert client.audit(ref).files == 0


def test_a_rule_on_files_can_be_turned_off(client: Client, zoo: LocalZoo) -> None:
    """The rules on files are turned off as the others are."""
    zoo.commit("org/name", {"pytorch_model.bin": pickle.dumps(Runs())})
    report = client.audit("hf:org/name", files=True, off=["pickle-dangerous"])
    assert "pickle-dangerous" not in rules(report) | set(report.rules)
    assert report.off == ("pickle-dangerous",)


def test_every_rule_on_files_has_a_name_of_its_own() -> None:
    """No rule on files is called as one on record and card is."""
    assert set(OF_FILES).isdisjoint(RULES)


# -- the verb


def test_the_verb_prints_a_report_and_ends_well(env: dict[str, str], folder: Path, zoo: LocalZoo) -> None:
    """Without a bar nothing fails: the report is the result."""
    done = typed("audit", "hf:org/name", env=env, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(pin(zoo))
    assert "license-contradicts-file" in done.stdout


@pytest.mark.parametrize(("bar", "code"), [("info", 6), ("high", 6), ("critical", 0)])
def test_fail_on_ends_with_six_at_or_above_it(bar: str, code: int, env: dict[str, str], folder: Path) -> None:
    """The gravest finding is high: a bar at or below it ends with 6, one above it with 0."""
    assert typed("audit", "hf:org/name", "--fail-on", bar, env=env, cwd=folder).returncode == code


def test_a_rule_that_is_off_fails_nothing(env: dict[str, str], folder: Path) -> None:
    """What was turned off counts for no bar."""
    high = ("license-contradicts-file", "license-contradicts-base", "pickle-only")
    off = [word for rule in high for word in ("--off", rule)]
    assert typed("audit", "hf:org/name", "--fail-on", "high", *off, env=env, cwd=folder).returncode == 0


@pytest.mark.parametrize("words", [("--json",), ("--format", "json")])
def test_json_is_the_report(words: tuple[str, ...], env: dict[str, str], folder: Path, zoo: LocalZoo) -> None:
    """What is printed as JSON can be read as the report."""
    done = typed("audit", "hf:org/name", *words, env=env, cwd=folder)
    assert str(AuditReport.from_dict(json.loads(done.stdout)).ref) == pin(zoo)


@pytest.mark.parametrize(
    ("format_", "begins"),
    [("sarif", "{"), ("cyclonedx", "{"), ("markdown", "## "), ("html", "<!DOCTYPE html>"), ("text", "hf:")],
)
def test_a_report_is_written_to_a_file(format_: str, begins: str, env: dict[str, str], folder: Path) -> None:
    """With ``--output`` the file holds the report, stdout nothing, and stderr the sum."""
    place = folder / "report"
    done = typed("audit", "hf:org/name", "--format", format_, "--output", str(place), env=env, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "")
    assert place.read_text("utf-8").startswith(begins)
    assert "high" in done.stderr


def test_a_file_that_cannot_be_written_is_an_error_with_eight(env: dict[str, str], folder: Path) -> None:
    """A folder that is not there is told in a sentence."""
    done = typed("audit", "hf:org/name", "--output", str(folder / "no" / "file"), env=env, cwd=folder)
    assert done.returncode == 8
    assert "cannot be written" in done.stderr


def test_the_verb_takes_a_folder(env: dict[str, str], folder: Path, zoo: LocalZoo) -> None:
    """A folder of a model of one's own is audited where it lies, and nobody is asked of it."""
    place = folder / "model"
    place.mkdir()
    (place / "README.md").write_text("---\nlicense: mit\n---\n# Name\n", "utf-8")
    (place / "model.bin").write_bytes(b"p" * 9)
    zoo.forget()
    done = typed("audit", "model", "--json", env=env, cwd=folder)
    done = done if done.returncode == 0 else typed("audit", str(place), "--json", env=env, cwd=folder)
    found = rules(AuditReport.from_dict(json.loads(done.stdout)))
    assert {"pickle-only", "card-placeholder"} <= found
    assert found.isdisjoint({"unpinned", "unpinnable", "author-missing"})
    assert zoo.requests == []


def test_the_verb_takes_a_lock(env: dict[str, str], folder: Path) -> None:
    """Every model of the lock is in the report."""
    for name in ("name", "root"):
        assert typed("add", name, f"hf:org/{name}@main", env=env, cwd=folder).returncode == 0
    done = typed("audit", str(folder / "zoo.lock"), "--json", env=env, cwd=folder)
    assert [AuditReport.from_dict(one).ref.id for one in json.loads(done.stdout)] == ["org/name", "org/root"]


def test_a_card_that_cannot_be_had_is_a_finding(env: dict[str, str], folder: Path, zoo: LocalZoo) -> None:
    """A zoo that fails to give the card does not keep the rest from being told."""
    zoo.fail("*README.md", Status(500))
    done = typed("audit", pin(zoo), "--json", env={**env, "ZOOCLIENT_RETRIES": "0"}, cwd=folder)
    assert "card-unreadable" in rules(AuditReport.from_dict(json.loads(done.stdout)))


# -- every zoo


@pytest.mark.parametrize("zoo_name", ["hf", "modelscope", "civitai", "replicate"])
def test_a_model_of_each_zoo_is_audited(zoo_name: str, zoo: LocalZoo, folder: Path) -> None:
    """The same call gives a report at every zoo: its card is read, and pickles alone are told."""
    refs = {
        "hf": f"hf:org/name@{zoo.head('org/name')}",
        "modelscope": f"modelscope:org/name@{zoo.head('org/name', zoo='modelscope')}",
        "civitai": zoo.civitai.ref("org/name"),
        "replicate": zoo.replicate.ref("org/name"),
    }
    with Client(home=folder / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as client:
        report = client.audit(refs[zoo_name])
    assert report.extra["title"]
    assert "unpinned" not in rules(report)
    assert rules(report).isdisjoint({"card-missing", "card-unreadable"})
    if zoo_name != "replicate":  # what is in its images is not listed before somebody asks for it
        assert "pickle-only" in rules(report)
