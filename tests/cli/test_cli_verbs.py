"""The command line, run as a person runs it: words in, streams and an exit code out."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from attrs import frozen

import zooclient
from zooclient.cli.main import VERBS, cli, run
from zooclient.cli.output import Desk
from zooclient.testing import Flip, LocalZoo


@frozen
class Ran:
    code: int
    out: str
    err: str


class Shell:
    """Runs verbs against a zoo with a home of their own."""

    def __init__(self, zoo: LocalZoo, home: Path, extra: Mapping[str, str] | None = None) -> None:
        self.environ = {
            "ZOOCLIENT_HOME": str(home / "home"),
            "ZOOCLIENT_CONFIG": str(home / "config.toml"),
            "ZOOCLIENT_HF_ENDPOINT": zoo.endpoints["hf"],
            "ZOOCLIENT_MODELSCOPE_ENDPOINT": os.environ["ZOOCLIENT_MODELSCOPE_ENDPOINT"],
            "ZOOCLIENT_CIVITAI_ENDPOINT": os.environ["ZOOCLIENT_CIVITAI_ENDPOINT"],
            "HF_HOME": str(home / "hf"),
            **(extra or {}),
        }
        self.project = str(home)

    def __call__(self, *words: str) -> Ran:
        out, err = io.StringIO(), io.StringIO()
        code = run(words, obj=Desk(out=out, err=err, environ=self.environ, project=self.project))
        return Ran(code, out.getvalue(), err.getvalue())


@pytest.fixture
def shell(zoo: LocalZoo, tmp_path: Path) -> Shell:
    return Shell(zoo, tmp_path)


def pin(zoo: LocalZoo) -> str:
    return f"hf:org/tiny@{zoo.head('org/tiny')}"


def test_every_verb_has_a_module_help_and_json() -> None:
    """Every verb in the table imports, explains itself in a screen, and takes --json."""
    for verb in VERBS:
        command = cli.get_command(cli.make_context("zooclient", ["--help"], resilient_parsing=True), verb)
        assert command is not None
        shown = command.get_help(cli.make_context("zooclient", [verb], resilient_parsing=True))
        assert len(shown.splitlines()) <= 40, verb
        commands = getattr(command, "commands", {"": command})
        for part in commands.values():
            assert any("--json" in option.opts for option in part.params), (verb, part.name)


def test_help_imports_no_verb_and_fits_a_screen() -> None:
    """``zooclient --help`` imports neither a verb nor attrs."""
    code = (
        "import sys\nfrom zooclient.cli.main import run\nassert run(['--help']) == 0\n"
        "heavy = ('zooclient.client', 'zooclient.records', 'attr', 'httpx')\n"
        "print(sorted(m for m in sys.modules if m.startswith(heavy)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert len(done.stdout.splitlines()) <= 40
    assert all(verb in done.stdout for verb in VERBS)


def test_search_resolve_plan_get_path(shell: Shell, zoo: LocalZoo) -> None:
    """The five verbs of the line print what the next one takes."""
    found = shell("search", "tiny")
    assert found.code == 0
    assert found.out.split("\t")[0] == "hf:org/tiny"
    resolved = shell("resolve", "hf:org/tiny")
    assert resolved.out.strip() == pin(zoo)
    planned = shell("plan", pin(zoo))
    assert "skip" in planned.out
    assert "pytorch_model.bin" in planned.out
    got = shell("get", pin(zoo))
    assert (Path(got.out.strip()) / "config.json").exists()
    zoo.stop()
    assert shell("path", pin(zoo)).out == got.out


def test_get_warns_of_a_moving_name_on_stderr_alone(shell: Shell, zoo: LocalZoo) -> None:
    """The pin to paste is talk; stdout holds the one path."""
    got = shell("get", "hf:org/tiny")
    assert got.code == 0
    assert pin(zoo) in got.err
    assert got.out.count("\n") == 1


def test_get_to_prints_the_folder_it_filled(shell: Shell, zoo: LocalZoo, tmp_path: Path) -> None:
    """``--to`` puts plain files there and prints that folder."""
    got = shell("get", pin(zoo), "--to", str(tmp_path / "out"), "--file", "*.json")
    assert got.out.strip() == str(tmp_path / "out")
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["resolve", "hf:org/ti ny"], 2, "^"),
        (["resolve", "nowhere:org/tiny"], 2, "nowhere"),
        (["resolve", "hf:org/none"], 3, "zooclient login hf"),
        (["resolve", "hf:org/tiny@gone"], 3, "gone"),
        (["path", "hf:org/tiny@" + "0" * 40], 7, "zooclient get"),
        (["search", "x", "--zoo", "file"], 9, "searched"),
        (["get", "hf:org/tiny", "--weights", "nonsense"], 2, "nonsense"),
        (["no-such-verb"], 2, "no-such-verb"),
        (["get"], 2, "REF"),
    ],
)
def test_what_a_person_can_cause_gets_a_sentence_and_its_code(
    shell: Shell, words: list[str], code: int, said: str
) -> None:
    """Each mistake ends in its exit code with a sentence on stderr, nothing on stdout, and no traceback."""
    ran = shell(*words)
    assert ran.code == code, ran.err
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert ran.out == ""


def test_a_lying_server_is_exit_5(shell: Shell, zoo: LocalZoo) -> None:
    """A flipped byte is refused with exit code 5 and the name of the file."""
    zoo.fail("*.safetensors", Flip())
    ran = shell("get", pin(zoo))
    assert ran.code == 5
    assert "model.safetensors" in ran.err


def test_strict_mode_is_exit_6(zoo: LocalZoo, tmp_path: Path) -> None:
    """ZOOCLIENT_STRICT=1 refuses a moving name with exit code 6."""
    assert Shell(zoo, tmp_path, {"ZOOCLIENT_STRICT": "1"})("get", "hf:org/tiny").code == 6


def test_json_answers_are_records(shell: Shell, zoo: LocalZoo) -> None:
    """What --json prints can be read back."""
    from zooclient import Hit, ModelRecord

    assert [Hit.from_dict(item).title for item in json.loads(shell("search", "tiny", "--json").out)] == ["tiny"]
    record = ModelRecord.from_dict(json.loads(shell("resolve", pin(zoo), "--json").out))
    assert str(record.ref) == pin(zoo)
    assert json.loads(shell("plan", pin(zoo), "--json").out)["bytes_to_fetch"] > 0
    snapshot = json.loads(shell("get", pin(zoo), "--json").out)
    assert snapshot["content_digest"].startswith("sha256:")
    assert json.loads(shell("verify", pin(zoo), "--json").out)["ok"] is True
    assert json.loads(shell("card", pin(zoo), "--json").out)["data"]["license"] == "apache-2.0"
    assert {item["scheme"] for item in json.loads(shell("zoos", "--json").out)} == {
        "hf",
        "modelscope",
        "civitai",
        "replicate",
        "file",
    }
    assert json.loads(shell("cache", "ls", "--json").out)[0]["ref"] == pin(zoo)


def test_the_cache_is_listed_removed_and_pruned(shell: Shell, zoo: LocalZoo) -> None:
    """What is held is listed, can be removed, and pruning frees its bytes."""
    shell("get", pin(zoo))
    assert pin(zoo) in shell("cache", "ls").out
    assert shell("cache", "verify").code == 0
    assert shell("cache", "rm", pin(zoo)).code == 0
    assert pin(zoo) not in shell("cache", "ls").out
    assert shell("cache", "prune").code == 0
    assert list(Path(shell.environ["ZOOCLIENT_HOME"]).rglob("*.safetensors")) == []
    assert [p for p in Path(shell.environ["ZOOCLIENT_HOME"]).rglob("blobs/sha256/*/*") if p.is_file()] == []


def test_login_checks_the_token_and_never_prints_it(
    shell: Shell, zoo: LocalZoo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """login stores a token that the zoo knows, 0600, where the zoo's own tool finds it; logout takes it away."""
    token = zoo.tokens["hf"]
    monkeypatch.setattr("sys.stdin", io.StringIO(token + "\n"))
    ran = shell("login", "hf", "--stdin")
    assert ran.code == 0, ran.err
    place = tmp_path / "hf" / "token"
    assert place.read_text().strip() == token
    assert place.stat().st_mode & 0o777 == 0o600
    assert token not in ran.out + ran.err
    assert shell("whoami", "hf").out.strip() == "me"
    assert shell("logout", "hf").code == 0
    assert not place.exists()


def test_a_wrong_token_is_not_stored(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the zoo does not know is an access error, exit 4, and is not kept."""
    monkeypatch.setattr("sys.stdin", io.StringIO("hf_wrong\n"))
    ran = shell("login", "hf", "--stdin")
    assert ran.code == 4
    assert "hf_wrong" not in ran.out + ran.err
    assert not (tmp_path / "hf" / "token").exists()


def test_doctor_tells_a_live_zoo_from_a_dead_one(shell: Shell, zoo: LocalZoo) -> None:
    """doctor passes where all is well, and fails with exit 7 where the zoo does not answer."""
    well = shell("doctor")
    assert well.code == 0, well.out
    assert "clock" in well.out
    zoo.stop()
    assert shell("doctor").code == 7


@pytest.mark.parametrize(
    ("variable", "value", "check"),
    [
        ("HF_TOKEN", "hf_a b", "token"),
        ("HTTPS_PROXY", "garbage://somewhere", "proxy"),
        ("ZOOCLIENT_STORES", "no-such-store", "store"),
        ("ZOOCLIENT_HOME", "taken", "home"),
    ],
)
def test_doctor_finds_what_a_variable_got_wrong(
    zoo: LocalZoo, tmp_path: Path, variable: str, value: str, check: str
) -> None:
    """A token, a proxy, a store or a home that cannot be is a finding, and the doctor goes on."""
    (tmp_path / "taken").write_text("a file")
    if variable.startswith("ZOOCLIENT"):
        value = str(tmp_path / value)
    extra = {variable: value} | ({"ZOOCLIENT_HF_ENDPOINT": "https://zoo.invalid"} if check == "proxy" else {})
    findings = json.loads(Shell(zoo, tmp_path, extra)("doctor", "--json").out)
    assert [one["check"] for one in findings if one["verdict"] in ("warn", "fail")][-1] == check
    assert all(one["hint"] for one in findings if one["verdict"] == "fail")


def test_live_facts_that_do_not_hold_are_printed(shell: Shell) -> None:
    """doctor --live against a zoo that is not the real one names each fact that fails, and exits 7."""
    ran = shell("doctor", "--live")
    assert ran.code == 7
    assert "FAIL" in ran.out
    for zoo in ("hf", "civitai"):
        assert f"ok    {zoo:<11} A model that does not exist is not found." in ran.out


def test_a_terminal_is_not_steered_by_a_card(shell: Shell, zoo: LocalZoo) -> None:
    """Escape sequences in a zoo's texts are printed as text."""
    zoo.commit("org/evil", {"README.md": "# Hi \x1b[2J there", "config.json": "{}"})
    ran = shell("card", "hf:org/evil")
    assert ran.code == 0
    assert "\x1b" not in ran.out


def test_a_reader_that_goes_away_is_no_traceback(zoo: LocalZoo, tmp_path: Path) -> None:
    """``zooclient … | head -0`` ends quietly."""
    environ = dict(os.environ) | Shell(zoo, tmp_path).environ | {"PYTHONPATH": str(Path(zooclient.__file__).parents[1])}
    process = subprocess.Popen(
        [sys.executable, "-m", "zooclient", "zoos"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environ,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    error = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(60) in (0, 141)
    assert "Traceback" not in error
    assert "Exception ignored" not in error
