"""Every provider of ours keeps what the public suite asks of one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from zooclient import Client
from zooclient.embedded import zoo_folder
from zooclient.testing import LocalZoo, ProviderCase, ProviderSuite

CONFIG = (zoo_folder() / "zooclient" / "digits" / "config.json").read_bytes()
CARD = (zoo_folder() / "zooclient" / "digits" / "README.md").read_bytes()


class TestHuggingFace(ProviderSuite):
    """``hf:`` over the embedded zoo."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """The embedded model at the Hub's double."""
        with LocalZoo(zoo_folder()) as zoo, Client(home=tmp_path, endpoints={"hf": zoo.endpoints["hf"]}) as client:
            yield ProviderCase(
                client=client,
                known=f"hf:zooclient/digits@{zoo.head('zooclient/digits')}",
                floating="hf:zooclient/digits@main",
                missing="hf:zooclient/nothing",
                missing_revision=f"hf:zooclient/digits@{'0' * 40}",
                file="README.md",
                content=CARD,
                words="digits",
            )


class TestModelScope(ProviderSuite):
    """``ms:`` over the embedded zoo."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """The embedded model at ModelScope's double."""
        with (
            LocalZoo(zoo_folder()) as zoo,
            Client(home=tmp_path, endpoints={"ms": zoo.endpoints["modelscope"]}) as client,
        ):
            yield ProviderCase(
                client=client,
                known=f"modelscope:zooclient/digits@{zoo.head('zooclient/digits', zoo='modelscope')}",
                floating="modelscope:zooclient/digits@master",
                missing="modelscope:zooclient/nothing",
                missing_revision=f"modelscope:zooclient/digits@{'0' * 40}",
                file="README.md",
                content=CARD,
                words="digits",
            )


class TestCivitai(ProviderSuite):
    """``civitai:`` over the embedded zoo, where a version is the pin and the card is no file."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """The embedded model at Civitai's double."""
        with (
            LocalZoo(zoo_folder()) as zoo,
            Client(home=tmp_path, endpoints={"civitai": zoo.endpoints["civitai"]}) as client,
        ):
            zoo.civitai.keep_names("zooclient/digits")
            known = zoo.civitai.ref("zooclient/digits")
            model, version = (int(number) for number in known.removeprefix("civitai:").split("@"))
            yield ProviderCase(
                client=client,
                known=known,
                floating=f"civitai:{model}",
                missing=f"civitai:{model + 1}",
                missing_revision=f"civitai:{model}@{version + 1}",
                file="config.json",
                content=CONFIG,
                words="digits",
            )


class TestReplicate(ProviderSuite):
    """``replicate:`` over the embedded zoo, whose versions are images at a registry of their own."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """The embedded model at Replicate's double."""
        with (
            LocalZoo(zoo_folder(), zoos=["replicate", "r8"]) as zoo,
            Client(home=tmp_path, endpoints=zoo.endpoints, tokens=zoo.tokens) as client,
        ):
            version = zoo.replicate.version("zooclient/digits")
            manifest = zoo.r8.image("zooclient/digits").manifests[f"sha256:{version}"]
            yield ProviderCase(
                client=client,
                known=f"replicate:zooclient/digits@{version}",
                floating="replicate:zooclient/digits",
                missing="replicate:zooclient/nothing",
                missing_revision=f"replicate:zooclient/digits@{'0' * 64}",
                file="image/manifest.json",
                content=manifest.body,
                words="digits",
            )


def test_the_suite_notices_what_is_wrong(tmp_path: Path) -> None:
    """A case in which a promise does not hold fails, and says what was found instead."""
    with LocalZoo(zoo_folder()) as zoo, Client(home=tmp_path, endpoints={"hf": zoo.endpoints["hf"]}) as client:
        pin = f"hf:zooclient/digits@{zoo.head('zooclient/digits')}"
        right = ProviderCase(
            client=client,
            known=pin,
            floating="hf:zooclient/digits@main",
            missing=pin,
            missing_revision=pin,
            file="config.json",
            content=b"other bytes",
            words="nothing has these",
        )
        suite = ProviderSuite()
        with pytest.raises(AssertionError, match="NotFound was due"):
            suite.test_what_is_not_there_is_not_found(right)
        with pytest.raises(AssertionError, match="NotFound was due"):
            suite.test_a_missing_revision_is_not_found(right)
        with pytest.raises(AssertionError, match="is not\n"):
            suite.test_a_file_arrives_as_it_is(right)
        with pytest.raises(AssertionError, match="not among"):
            suite.test_a_search_finds(right)
        zoo.commit("zooclient/digits", {"README.md": "moved"})
        with pytest.raises(AssertionError, match="is not\n"):
            suite.test_a_name_resolves_to_a_pin(evolve(right, known=pin))


class TestFolder(ProviderSuite):
    """``file:`` over the embedded model's folder."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> Iterator[ProviderCase]:
        """A folder is known by its path, and pinned by its content."""
        with Client(home=tmp_path / "home") as client:
            yield ProviderCase(
                client=client,
                known=f"file:{(zoo_folder() / 'zooclient' / 'digits').as_posix()}",
                floating=None,
                missing=f"file:{(tmp_path / 'nothing').as_posix()}",
                missing_revision=None,
                file="README.md",
                content=CARD,
                words=None,
            )
