"""What a publication would do, told by our own flows; nothing is changed anywhere."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from publishkit import CARD, HF_TOKEN, model_folder, writes

from zooclient import Client, PublishPlan
from zooclient.errors import ConfigError, IntegrityError, PolicyError
from zooclient.testing import LocalZoo


@pytest.fixture(scope="module")
def zoo() -> Iterator[LocalZoo]:
    with LocalZoo(zoos=("hf", "modelscope", "civitai", "replicate")) as running:
        running.commit("me/there", {"README.md": CARD, "config.json": "{}", "old.txt": "x"})
        running.commit("me/hidden", {"README.md": CARD})
        running.hide("me/hidden")
        yield running


@pytest.fixture
def client(zoo: LocalZoo, tmp_path: Path) -> Iterator[Client]:
    zoo.forget()
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens) as made:
        yield made


def failure(plan: PublishPlan) -> tuple[str, str]:
    """Kind and sentence of the one failure."""
    (target,) = plan.targets
    assert target.failure is not None
    return target.failure.kind, target.failure.message


@pytest.mark.parametrize("ref", ["hf:me/there", "modelscope:me/there"])
def test_what_is_there_is_told_by_digest(zoo: LocalZoo, client: Client, tmp_path: Path, ref: str) -> None:
    """Files with the same content need not be sent, others are, and what only the zoo has stays."""
    plan = client.plan_publish(model_folder(tmp_path), ref)
    (target,) = plan.targets
    assert target.failure is None
    assert (target.exists, target.visibility, target.asked) == (True, "public", None)
    assert target.there == ("README.md",)
    assert target.send == ("config.json", "model.safetensors")
    assert "old.txt" in target.stays
    assert target.head == zoo.head("me/there", zoo=ref.partition(":")[0])
    assert plan.bytes_to_send(target) == sum(f.size for f in plan.files if f.path in target.send)
    assert plan.card == ()
    assert writes(zoo) == []


@pytest.mark.parametrize("ref", ["hf:me/new", "modelscope:me/new", "replicate:me/new"])
def test_visibility_of_what_is_to_be_made_must_be_said(zoo: LocalZoo, client: Client, tmp_path: Path, ref: str) -> None:
    """A repository that does not exist is not made without a word on who is to see it."""
    folder = model_folder(tmp_path)
    kind, message = failure(client.plan_publish(folder, ref))
    assert kind == "ConfigError"
    assert "not said who is to see it" in message
    with pytest.raises(ConfigError, match="not said who is to see it"):
        client.publish(folder, ref)
    assert writes(zoo) == []


@pytest.mark.parametrize("zoo_name", ["hf", "modelscope"])
@pytest.mark.parametrize(("name", "asked"), [("there", "private"), ("hidden", "public")])
def test_another_visibility_than_that_which_is_there_is_refused(
    zoo: LocalZoo, client: Client, tmp_path: Path, zoo_name: str, name: str, asked: str
) -> None:
    """What exists is neither published nor hidden by the way."""
    kind, message = failure(client.plan_publish(model_folder(tmp_path), f"{zoo_name}:me/{name}", visibility=asked))
    assert kind == "ConfigError"
    assert f"asked to be {asked}; nothing was changed" in message
    assert writes(zoo) == []


@pytest.mark.parametrize(
    ("ref", "kind", "said"),
    [
        ("hf:there", "ConfigError", "whose the model is to be"),
        ("hf:me/there@" + "a" * 40, "ConfigError", "names a commit"),
        ("modelscope:me/there@" + "a" * 40, "ConfigError", "names a commit"),
        ("hf:me/there@nowhere", "ConfigError", "no branch 'nowhere'"),
        ("modelscope:me/there@nowhere", "ConfigError", "no branch 'nowhere'"),
        ("hf:me/there#sha256=" + "a" * 64, "ConfigError", "names a content"),
        ("civitai:1", "Unsupported", "no interface"),
        ("file:/tmp/there", "Unsupported", "copy the files"),
    ],
)
def test_what_no_model_can_be_published_to(client: Client, tmp_path: Path, ref: str, kind: str, said: str) -> None:
    """A commit, a branch that is not there, a folder here and Civitai each have their sentence."""
    told, message = failure(client.plan_publish(model_folder(tmp_path), ref, visibility="private"))
    assert told == kind
    assert said in message


def test_civitai_names_the_page(client: Client, zoo: LocalZoo, tmp_path: Path) -> None:
    """Where only a page takes models, it is named."""
    (target,) = client.plan_publish(model_folder(tmp_path), "civitai:1").targets
    assert target.failure is not None
    assert f"{zoo.endpoints['civitai']}/models/create" in str(target.failure.hint)


def test_one_zoo_that_fails_stops_no_other(client: Client, tmp_path: Path) -> None:
    """Each zoo is looked at, whatever another says."""
    plan = client.plan_publish(model_folder(tmp_path), ["civitai:1", "hf:me/there", "hf:me/there"])
    assert [target.failure is None for target in plan.targets] == [False, True]


def test_without_a_token_nothing_is_asked(zoo: LocalZoo, tmp_path: Path) -> None:
    """Who is not logged in is told so, and how to."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints) as client:
        zoo.forget()
        kind, _ = failure(client.plan_publish(model_folder(tmp_path), "hf:me/there"))
    assert kind == "AccessError"
    assert zoo.requests == []


def test_offline_nothing_is_asked(zoo: LocalZoo, tmp_path: Path) -> None:
    """With connections switched off the folder is looked at and no zoo."""
    with Client(home=tmp_path / "home", endpoints=zoo.endpoints, tokens=zoo.tokens, offline=True) as client:
        zoo.forget()
        kind, _ = failure(client.plan_publish(model_folder(tmp_path), "hf:me/there"))
    assert kind == "Offline"
    assert zoo.requests == []


@pytest.mark.parametrize(
    ("name", "content", "rule"), [("x.py", HF_TOKEN, "huggingface-token"), ("x.pkl", "x", "pickle")]
)
def test_a_secret_or_a_pickle_stops_it_before_any_zoo_is_asked(
    zoo: LocalZoo, client: Client, tmp_path: Path, name: str, content: str, rule: str
) -> None:
    """The folder is looked at first."""
    folder = model_folder(tmp_path)
    (folder / name).write_text(content)
    with pytest.raises(PolicyError, match=rule):
        client.publish(folder, "hf:me/there")
    assert zoo.requests == []


def test_a_card_that_contradicts_its_base_is_refused(zoo: LocalZoo, client: Client, tmp_path: Path) -> None:
    """The licence of the base model is asked for, and a card that allows more stops it."""
    zoo.commit("org/base", {"README.md": CARD.replace("apache-2.0", "cc-by-nc-4.0")})
    folder = model_folder(tmp_path)
    (folder / "README.md").write_text(CARD.replace("---\n#", "base_model: org/base\n---\n#"))
    plan = client.plan_publish(folder, "hf:me/there")
    assert [(finding.rule, finding.gravity) for finding in plan.card] == [("license-contradicts-base", "refused")]
    with pytest.raises(PolicyError, match="license-contradicts-base"):
        client.publish(plan)
    assert writes(zoo) == []


def test_a_base_that_nobody_knows_is_told(client: Client, tmp_path: Path) -> None:
    """A base model that is nowhere is a note, not a refusal."""
    folder = model_folder(tmp_path)
    (folder / "README.md").write_text(CARD.replace("---\n#", "base_model: org/nowhere\n---\n#"))
    plan = client.plan_publish(folder, "hf:me/there")
    assert [(finding.rule, finding.gravity) for finding in plan.card] == [("base-license-unknown", "note")]


def test_a_folder_that_changed_since_is_not_published(zoo: LocalZoo, client: Client, tmp_path: Path) -> None:
    """What was looked at is what goes, or nothing."""
    folder = model_folder(tmp_path)
    plan = client.plan_publish(folder, "hf:me/there")
    (folder / "config.json").write_text(f'"{HF_TOKEN}"')
    with pytest.raises(IntegrityError, match=r"config\.json changed"):
        client.publish(plan)
    assert writes(zoo) == []


def test_a_plan_stands_alone(client: Client, tmp_path: Path) -> None:
    """Wishes beside a plan would not be followed, so they are refused."""
    plan = client.plan_publish(model_folder(tmp_path), "hf:me/there")
    with pytest.raises(ConfigError, match="A plan has its references"):
        client.publish(plan, visibility="public")


def test_a_plan_is_read_as_it_was_written(client: Client, tmp_path: Path) -> None:
    """A plan can be kept as JSON, and says its digest there."""
    plan = client.plan_publish(model_folder(tmp_path), ["hf:me/there", "civitai:1"])
    data = plan.to_dict()
    assert data["content_digest"] == plan.content_digest
    assert PublishPlan.from_dict(data) == plan


def test_a_tag_that_is_elsewhere_is_not_moved(zoo: LocalZoo, client: Client, tmp_path: Path) -> None:
    """A taken tag is told before anything is sent."""
    zoo.tag("me/there", "v1")
    kind, message = failure(client.plan_publish(model_folder(tmp_path), "hf:me/there", tag="v1"))
    assert (kind, "is there already" in message) == ("ConfigError", True)


@pytest.mark.parametrize("ref", ["modelscope:me/there", "hf:me/new"])
def test_a_proposal_needs_a_zoo_that_takes_it(client: Client, tmp_path: Path, ref: str) -> None:
    """A change can be proposed to what exists, where the zoo takes proposals."""
    plan = client.plan_publish(model_folder(tmp_path), ref, visibility="public", pull_request=True)
    assert failure(plan)[0] == "Unsupported"


def test_words_that_cannot_be(client: Client, tmp_path: Path) -> None:
    """A visibility that nobody knows, no reference and an empty folder are told."""
    folder = model_folder(tmp_path)
    with pytest.raises(ConfigError, match="'secret'"):
        client.plan_publish(folder, "hf:me/there", visibility="secret")
    with pytest.raises(ConfigError, match="nowhere to publish"):
        client.plan_publish(folder, [])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="nothing to publish"):
        client.plan_publish(tmp_path / "empty", "hf:me/there")
