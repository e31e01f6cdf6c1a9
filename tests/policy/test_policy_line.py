"""Policies over real sockets: one verdict at every verb, before the first byte, and a floor that nothing loosens."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cli_shell import environment, typed

from zooclient import AsyncClient, Client, Policy
from zooclient.errors import ConfigError, PolicyError
from zooclient.settings import Settings
from zooclient.testing import LocalZoo

CARD = "---\nlicense: {}\nbase_model: org/base\n---\n# A model\n\n## Limitations\n\nMany.\n"
SAFE: dict[str, bytes | str | None] = {
    "README.md": CARD.format("mit"),
    "config.json": "{}",
    "model.safetensors": b"s" * 70_000,
}
PICKLED: dict[str, bytes | str | None] = {
    "README.md": CARD.format("cc-by-nc-4.0"),
    "pytorch_model.bin": b"p" * 70_000,
}
POLICY = '[policy]\nlicenses = { allow = ["open-source"] }\nformats = { forbid = ["pickle"] }\n'


@pytest.fixture
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo() as running:
        running.commit("org/safe", SAFE)
        running.commit("org/pickled", PICKLED)
        yield running


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    return tmp_path / "project"


def client_of(zoo: LocalZoo, folder: Path, home: str = "home", environ: dict[str, str] | None = None) -> Client:
    env = {"HOME": str(folder.parent / "nobody"), **(environ or {})}
    settings = Settings.from_env(env, project=folder, surroundings=False)
    return Client(home=folder.parent / home, endpoints=zoo.endpoints, settings=settings)


def pin(zoo: LocalZoo, name: str) -> str:
    return f"hf:{name}@{zoo.head(name)}"


def weights_asked(zoo: LocalZoo) -> list[str]:
    return [seen.path for seen in zoo.requests if "/resolve/" in seen.path or seen.origin != "hub"]


def rules(error: PolicyError) -> list[tuple[str, str]]:
    return [(one.rule, one.value) for one in violations(error)]


def violations(error: PolicyError) -> list[Any]:
    return list(error.violations)


VERBS: dict[str, Callable[[Client, str], object]] = {
    "plan": lambda client, ref: client.plan(ref),
    "download": lambda client, ref: client.download(ref),
    "load": lambda client, ref: client.load(ref),
    "file": lambda client, ref: client.file(ref, "pytorch_model.bin"),
    "of a record": lambda client, ref: client.download(client.resolve(ref)),
    "lock": lambda client, ref: client.add("bad", ref),
}


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_gives_the_same_verdict_before_the_first_byte(zoo: LocalZoo, folder: Path, verb: str) -> None:
    """Whatever is asked for, the same rules are named with the same values, and no byte of a file is asked for."""
    (folder / "zoo.toml").write_text(POLICY)
    with client_of(zoo, folder) as client, pytest.raises(PolicyError) as caught:
        VERBS[verb](client, pin(zoo, "org/pickled"))
    assert rules(caught.value) == [("licenses", "CC-BY-NC-4.0"), ("formats", "pickle")]
    assert str(folder / "zoo.toml") in caught.value.message
    assert 'allow = [{ ref = "hf:org/pickled", rule = "licenses"' in (caught.value.hint or "")
    assert weights_asked(zoo) == []
    assert not (folder / "zoo.lock").exists()


@pytest.mark.filterwarnings("ignore:The licence of")
def test_what_passes_is_fetched_and_what_could_not_be_told_is_said(zoo: LocalZoo, folder: Path) -> None:
    """A model that breaks no rule comes; that a base model's licence is not known is a warning, until it is."""
    (folder / "zoo.toml").write_text(POLICY)
    with client_of(zoo, folder) as client:
        with pytest.warns(UserWarning, match="hf:org/base.*not known here"):
            assert client.load(pin(zoo, "org/safe")).path.is_dir()
        zoo.commit("org/base", PICKLED)
        client.resolve("hf:org/base@main")
        with pytest.raises(PolicyError) as caught:
            client.plan(pin(zoo, "org/safe"))
    assert rules(caught.value) == [("base-licenses", "CC-BY-NC-4.0")]


def test_what_was_fetched_before_the_policy_is_held_to_it(zoo: LocalZoo, folder: Path) -> None:
    """A warm pinned load obeys a policy that came later, and asks nobody for that."""
    with client_of(zoo, folder) as client:
        client.load(pin(zoo, "org/pickled"))
    (folder / "zoo.toml").write_text(POLICY)
    zoo.forget()
    with client_of(zoo, folder) as client, pytest.raises(PolicyError) as caught:
        client.load(pin(zoo, "org/pickled"))
    assert rules(caught.value) == [("licenses", "CC-BY-NC-4.0"), ("formats", "pickle")]
    assert zoo.requests == []


@pytest.mark.filterwarnings("ignore:The licence of")
def test_a_lock_and_a_frozen_sync_are_held_to_it(zoo: LocalZoo, folder: Path) -> None:
    """Models that were locked before the policy are refused by lock, sync and a frozen sync elsewhere, all at once."""
    zoo.commit("org/third", PICKLED)
    with client_of(zoo, folder) as client:
        for name in ("safe", "pickled", "third"):
            client.add(name, f"hf:org/{name}", project=folder)
    (folder / "zoo.toml").write_text((folder / "zoo.toml").read_text() + "\n" + POLICY)
    for home, frozen in (("home", False), ("home", True), ("fresh", True)):
        zoo.forget()
        with client_of(zoo, folder, home) as client, pytest.raises(PolicyError) as caught:
            client.sync(frozen=frozen)
        assert rules(caught.value) == [("licenses", "CC-BY-NC-4.0"), ("formats", "pickle")] * 2
        assert weights_asked(zoo) == []
    with client_of(zoo, folder) as client:
        with pytest.raises(PolicyError):
            client.lock()
        assert client.sync(frozen=True, names="safe")[0].fetched > 0


def test_a_project_that_is_named_brings_its_policy(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """A client made by hand obeys the policy of the project that it is asked to work in."""
    (folder / "zoo.toml").write_text(POLICY)
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        with pytest.raises(PolicyError):
            client.add("bad", "hf:org/pickled", project=folder)
        assert client.load(pin(zoo, "org/pickled")).path.is_dir()


def test_a_client_takes_a_policy_of_its_own(zoo: LocalZoo, tmp_path: Path) -> None:
    """Client(policy=…) holds in both colours, and the card may be read all the same."""
    policy = Policy(forbidden_formats=("pickle",))
    ref = pin(zoo, "org/pickled")
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, policy=policy) as client:
        with pytest.raises(PolicyError):
            client.load(ref)
        assert client.card(ref).license.raw == "cc-by-nc-4.0"
        assert client.download(ref, exclude="*.bin").files

    async def other() -> None:
        async with AsyncClient(home=tmp_path / "home", endpoints=zoo.endpoints, policy=policy) as client:
            with pytest.raises(PolicyError):
                await client.load(ref)
            assert [one.passes for one in await client.check([ref])] == [False]

    asyncio.run(other())


def test_a_plan_that_somebody_else_made_is_held_to_the_policy(zoo: LocalZoo, tmp_path: Path) -> None:
    """A plan is data: who carries it out holds it to his own policy."""
    ref = pin(zoo, "org/pickled")
    with Client(home=tmp_path / "one", endpoints=zoo.endpoints) as client:
        plan = client.plan(ref)
    policy = Policy(forbidden_formats=("pickle",))
    with Client(home=tmp_path / "two", endpoints=zoo.endpoints, policy=policy) as client, pytest.raises(PolicyError):
        client.download(plan)


def test_a_moving_name_is_refused_before_anything_is_asked(zoo: LocalZoo, tmp_path: Path) -> None:
    """require-pinned lets no request out for a branch; the pin that `resolve` prints is taken."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, policy=Policy(require_pinned=True)) as client:
        with pytest.raises(PolicyError, match="moving revision") as caught:
            client.load("hf:org/safe@main")
        assert zoo.requests == []
        assert "zooclient resolve hf:org/safe@main" in (caught.value.hint or "")
        assert client.load(str(client.resolve("hf:org/safe@main").ref)).path.is_dir()


@pytest.mark.filterwarnings("error")
def test_a_lock_pins_what_its_project_names(zoo: LocalZoo, folder: Path) -> None:
    """With require-pinned a project may still name a branch: its lock is the pin."""
    (folder / "zoo.toml").write_text("[policy]\nrequire-pinned = true\n")
    with client_of(zoo, folder) as client:
        client.add("safe", "hf:org/safe@main")
        assert client.sync()[0].snapshot.ref.revision == zoo.head("org/safe")
        assert client.load("safe").path.is_dir()


def test_a_required_section_is_looked_for_in_the_card(zoo: LocalZoo, tmp_path: Path) -> None:
    """Before the weights the card is read, and what is missing in it refuses; likewise of what is held."""
    ref = pin(zoo, "org/safe")
    with Client(home=tmp_path / "a", endpoints=zoo.endpoints, policy=Policy(sections=("evaluation",))) as client:
        with pytest.raises(PolicyError) as caught:
            client.load(ref)
        assert rules(caught.value) == [("sections", "evaluation")]
        assert all(path.endswith("README.md") for path in weights_asked(zoo) if "/resolve/" in path)
    with Client(home=tmp_path / "b", endpoints=zoo.endpoints, policy=Policy(sections=("limitations",))) as client:
        assert client.load(ref, exclude="README.md").path.is_dir()
        assert client.load(ref, exclude="README.md").path.is_dir()
    policy = Policy(sections=("uses",))
    with Client(home=tmp_path / "b", endpoints=zoo.endpoints, policy=policy) as client, pytest.raises(PolicyError):
        client.load(ref, exclude="README.md")


@pytest.mark.parametrize("by_system", [False, True])
def test_a_floor_cannot_be_loosened_by_a_project(zoo: LocalZoo, folder: Path, tmp_path: Path, by_system: bool) -> None:
    """A project adds to the floor; its own exceptions do not reach into it, and the sentence names the floor."""
    floor = tmp_path / "etc" / "zooclient" / "policy.toml"
    floor.parent.mkdir(parents=True)
    floor.write_text('[policy]\nformats = { forbid = ["pickle"] }\n')
    environ = {"XDG_CONFIG_DIRS": str(tmp_path / "etc")} if by_system else {"ZOOCLIENT_POLICY": str(floor)}
    if by_system and sys.platform in ("win32", "darwin"):
        pytest.skip("the folder of the system is not named by a variable there")
    allow = '[{ ref = "hf:org/pickled", rule = "formats", reason = "We want it." }]'
    (folder / "zoo.toml").write_text(f'[policy]\nzoos = ["civitai"]\nformats = {{ forbid = [] }}\nallow = {allow}\n')
    with client_of(zoo, folder, environ=environ) as client, pytest.raises(PolicyError) as caught:
        client.plan(pin(zoo, "org/pickled"))
    found = [(one.rule, one.policy) for one in violations(caught.value)]
    assert found == [("formats", str(floor)), ("zoos", str(folder / "zoo.toml"))]


def test_settings_name_the_policies_that_hold(folder: Path, tmp_path: Path) -> None:
    """The system's floor, the named one, and the project's hold together; settings made by hand name none."""
    if sys.platform in ("win32", "darwin"):
        pytest.skip("the folder of the system is not named by a variable there")
    for name in ("first", "second"):
        (tmp_path / name / "zooclient").mkdir(parents=True)
        (tmp_path / name / "zooclient" / "policy.toml").write_text("[policy]\n")
    (folder / "zoo.toml").write_text("[policy]\n")
    environ = {
        "HOME": str(tmp_path / "nobody"),
        "XDG_CONFIG_DIRS": f"relative:{tmp_path / 'none'}:{tmp_path / 'first'}:{tmp_path / 'second'}",
        "ZOOCLIENT_POLICY": str(tmp_path / "floor.toml"),
    }
    system = tmp_path / "first" / "zooclient" / "policy.toml"
    assert Settings.from_env(environ, project=folder).policies == (system, tmp_path / "floor.toml", folder / "zoo.toml")
    assert Settings.from_env(environ).policies == (system, tmp_path / "floor.toml")
    assert Settings().policies == ()


def test_a_shared_project_file_has_its_policy_in_its_own_table(zoo: LocalZoo, folder: Path) -> None:
    """[tool.zooclient.policy] of a pyproject.toml holds as [policy] of a zoo.toml does."""
    (folder / "pyproject.toml").write_text('[tool.zooclient.policy]\nformats = { forbid = ["pickle"] }\n')
    with client_of(zoo, folder) as client, pytest.raises(PolicyError, match=r"pyproject\.toml"):
        client.plan(pin(zoo, "org/pickled"))


def test_a_floor_that_is_named_has_to_be_there(zoo: LocalZoo, folder: Path, tmp_path: Path) -> None:
    """A policy file that is missing, or has no policy, stops what it was to judge."""
    empty = tmp_path / "empty.toml"
    empty.write_text("")
    for path in (tmp_path / "gone.toml", empty):
        client = client_of(zoo, folder, environ={"ZOOCLIENT_POLICY": str(path)})
        with client, pytest.raises(ConfigError, match=path.name):
            client.plan(pin(zoo, "org/safe"))
    assert weights_asked(zoo) == []


def test_strict_mode_alone_forbids_pickles_and_code(zoo: LocalZoo, tmp_path: Path) -> None:
    """Without any policy, strict mode takes pins alone, no pickle and no code; leaving them out is enough."""
    zoo.commit("org/code", {**SAFE, "modeling.py": "1"})
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, strict=True) as client:
        for name, rule in (("org/pickled", "formats"), ("org/code", "remote-code")):
            with pytest.raises(PolicyError) as caught:
                client.load(pin(zoo, name))
            assert [one.rule for one in violations(caught.value)] == [rule]
            assert "strict mode" in caught.value.message
        assert client.load(pin(zoo, "org/code"), exclude="*.py").path.is_dir()
        assert client.load(pin(zoo, "org/safe")).path.is_dir()


def test_check_gates_a_pipeline(zoo: LocalZoo, folder: Path) -> None:
    """`check` prints every violation and ends with 6, of references and of a lock; what passes ends with 0."""
    env = environment(folder.parent, ZOOCLIENT_HF_ENDPOINT=zoo.endpoints["hf"])

    def check(*words: str) -> subprocess.CompletedProcess[str]:
        return typed("check", *words, env=env, cwd=folder)

    assert check(pin(zoo, "org/safe")).returncode == 2  # nothing to check by
    for name in ("safe", "pickled"):
        assert typed("add", name, f"hf:org/{name}", env=env, cwd=folder).returncode == 0
    text = (folder / "zoo.toml").read_text()
    (folder / "zoo.toml").write_text(f"{text}\n{POLICY}require-pinned = true\n")
    done = check()
    assert done.returncode == 6
    assert [line.split("\t")[:2] for line in done.stdout.splitlines()] == [
        ["pickled", "licenses"],
        ["pickled", "formats"],
    ]
    assert "1 of 2 pass" in done.stderr
    assert "reason" in done.stderr
    assert check(pin(zoo, "org/safe")).returncode == 0
    moving = check("hf:org/safe", "--json")
    assert moving.returncode == 6
    (told,) = json.loads(moving.stdout)
    assert [one["rule"] for one in told["violations"]] == ["require-pinned"]
    assert told["ref"] == pin(zoo, "org/safe") and told["passes"] is False
    reasons = "".join(
        f'[[policy.allow]]\nref = "hf:org/pickled"\nrule = "{rule}"\nreason = "Converted soon."\n'
        for rule in ("licenses", "formats")
    )
    (folder / "zoo.toml").write_text(f"{text}\n{POLICY}{reasons}")
    done = check()
    assert (done.returncode, done.stdout) == (0, "")
    assert "Converted soon." in done.stderr


def test_check_judges_what_may_not_be_had(zoo: LocalZoo, tmp_path: Path) -> None:
    """A gated model is judged without a login, by its gate too, and the network is not asked for its bytes."""
    zoo.gate("org/pickled", readers=())
    policy = Policy(gates=("open",), forbidden_formats=("pickle",))
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, policy=policy) as client:
        (verdict,) = client.check("hf:org/pickled")
    assert [one.rule for one in verdict.violations] == ["gates", "formats"]
    assert weights_asked(zoo) == []


def test_a_warm_load_without_a_policy_imports_nothing_of_it(zoo: LocalZoo, tmp_path: Path) -> None:
    """Who has no policy does not pay for one: no module of it is imported."""
    with Client(home=tmp_path, endpoints=zoo.endpoints) as client:
        ref = pin(zoo, "org/safe")
        client.load(ref)
    code = (
        "import sys, zooclient\n"
        f"zooclient.Client(home={str(tmp_path)!r}, endpoints={zoo.endpoints!r}).load({ref!r})\n"
        "print(sorted(name for name in sys.modules if 'polic' in name and name.startswith('zooclient')))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
