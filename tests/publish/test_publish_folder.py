"""What of a folder is published, and what stops it before anything moves."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from publishkit import HF_TOKEN, model_folder, safetensors

from zooclient.client.publishfolder import hashed_files, must_be_harmless, read_folder
from zooclient.errors import ConfigError, IntegrityError, NotFound, PolicyError
from zooclient.net.cancel import Cancel
from zooclient.records.digest import content_digest


def test_hidden_files_and_caches_stay_and_are_told(tmp_path: Path) -> None:
    """What is hidden, a cache, litter or excluded is left out, with the reason for each."""
    folder = model_folder(tmp_path, notes__txt="mine")
    for path in (".git/config", ".cache/x", "code/__pycache__/a.pyc", ".hidden", ".DS_Store", "runs/a.log", "runs/b"):
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text("x")
    (folder / ".eval_results").mkdir()
    (folder / ".eval_results" / "a.yaml").write_text("[]")
    found = read_folder(folder, exclude=("notes.txt", "runs/"))
    assert found.paths == (".eval_results/a.yaml", "README.md", "config.json", "model.safetensors")
    assert {item.path: item.reason for item in found.left_out} == {
        ".git/": "hidden",
        ".cache/": "a cache",
        "code/__pycache__/": "a cache",
        ".hidden": "hidden",
        ".DS_Store": "left behind by a desktop",
        "notes.txt": "excluded",
        "runs/": "excluded",
    }


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_link_that_leads_out_stops_it(tmp_path: Path) -> None:
    """A link to a file outside of the folder is never followed into a publication."""
    (tmp_path / "secret.txt").write_text("x")
    folder = model_folder(tmp_path)
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    with pytest.raises(IntegrityError, match="leads out of the folder"):
        read_folder(folder)


@pytest.mark.skipif(os.name == "nt", reason="links need a right there")
def test_a_linked_folder_stays(tmp_path: Path) -> None:
    """A linked folder is left out and told, so that nothing goes twice or for ever."""
    folder = model_folder(tmp_path)
    (folder / "sub").mkdir()
    (folder / "again").symlink_to(folder / "sub", target_is_directory=True)
    assert [(item.path, item.reason) for item in read_folder(folder).left_out] == [("again/", "a linked folder")]


def test_what_is_no_folder_is_refused(tmp_path: Path) -> None:
    """A missing folder and a file in its place each have their error."""
    with pytest.raises(NotFound, match="no folder"):
        read_folder(tmp_path / "nowhere")
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="is no folder"):
        read_folder(tmp_path / "file")


def test_a_truncated_safetensors_file_stops_it(tmp_path: Path) -> None:
    """Weights that nobody could open are not published."""
    folder = model_folder(tmp_path, second__safetensors=safetensors()[:-5])
    with pytest.raises(IntegrityError, match=r"second\.safetensors is broken"):
        read_folder(folder)


def test_a_token_in_a_file_stops_it(tmp_path: Path) -> None:
    """The file, the line and the rule are named; the token is not."""
    folder = model_folder(tmp_path, train__py=f"import x\nlogin('{HF_TOKEN}')\n")
    with pytest.raises(PolicyError, match=r"train\.py holds a token of Hugging Face in line 2") as caught:
        must_be_harmless(read_folder(folder), allow_pickle=True)
    assert "huggingface-token" in caught.value.message
    assert HF_TOKEN not in f"{caught.value} {caught.value.hint}"


def test_a_token_in_the_header_of_weights_stops_it(tmp_path: Path) -> None:
    """The texts at the beginning of weights are looked at too."""
    folder = model_folder(tmp_path, x__gguf=b"GGUF\x00" + HF_TOKEN.encode())
    with pytest.raises(PolicyError, match=r"x\.gguf holds a token"):
        must_be_harmless(read_folder(folder), allow_pickle=False)


@pytest.mark.parametrize("name", [".env", ".netrc", "id_rsa"])
def test_a_file_for_credentials_stops_it_and_can_be_excluded(tmp_path: Path, name: str) -> None:
    """A secret cannot be let through, only left out."""
    folder = model_folder(tmp_path)
    (folder / name).write_text("x")
    with pytest.raises(PolicyError, match="nothing was published"):
        must_be_harmless(read_folder(folder), allow_pickle=True)
    must_be_harmless(read_folder(folder, exclude=(name,)), allow_pickle=False)


@pytest.mark.parametrize(
    ("name", "content"), [("pytorch_model.bin", b"\x80\x02."), ("a.pt", b"PK"), ("data", b"\x80\x04x.")]
)
def test_a_pickle_stops_it_unless_it_is_allowed(tmp_path: Path, name: str, content: bytes) -> None:
    """A file that runs code when it is opened goes only when that was said."""
    folder = model_folder(tmp_path)
    (folder / name).write_bytes(content)
    with pytest.raises(PolicyError, match=r"rule pickle") as caught:
        must_be_harmless(read_folder(folder), allow_pickle=False)
    assert name in caught.value.message
    assert "--allow-pickle" in str(caught.value.hint)
    must_be_harmless(read_folder(folder), allow_pickle=True)


def test_every_file_is_hashed(tmp_path: Path) -> None:
    """Paths, sizes and digests are those of the files."""
    folder = model_folder(tmp_path)
    files = hashed_files(read_folder(folder), Cancel())
    assert [file.path for file in files] == ["README.md", "config.json", "model.safetensors"]
    assert [file.size for file in files] == [(folder / file.path).stat().st_size for file in files]
    assert content_digest((file.sha256, file.size, file.path) for file in files).startswith("sha256:")


def test_facts_are_read_from_configs_and_headers(tmp_path: Path) -> None:
    """Parameters are counted over all files, and a broken config tells nothing."""
    folder = model_folder(tmp_path, second__safetensors=safetensors(2, 44), model_index__json="{")
    found = read_folder(folder)
    assert found.parameters == {"F32": 300}
    assert set(found.configs) == {"config.json"}
