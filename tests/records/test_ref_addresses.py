"""References from web addresses, ``hf://``, AIR and image names: each zoo's table, and what is no model."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from zooclient.errors import RefError, Unsupported
from zooclient.records.ref import Ref, parse_with_path

COMMIT = "0123456789abcdef0123456789abcdef01234567"
HEX = "0123456789abcdef" * 4

HUB = [
    ("https://huggingface.co/org/name", "hf:org/name", None),
    ("http://huggingface.co/org/name/", "hf:org/name", None),
    ("HTTPS://HuggingFace.CO/org/Name", "hf:org/Name", None),
    ("https://huggingface.co:443/org/name", "hf:org/name", None),
    ("huggingface.co/org/name", "hf:org/name", None),
    ("hf.co/org/name", "hf:org/name", None),
    ("https://hf.co/org/name?library=x", "hf:org/name", None),
    ("https://huggingface.co/org/name#usage", "hf:org/name", None),
    (f"https://huggingface.co/org/name#sha256={HEX}", f"hf:org/name#sha256={HEX}", None),
    ("https://huggingface.co/org/name.git", "hf:org/name", None),
    ("https://huggingface.co/gpt2", "hf:gpt2", None),
    ("https://huggingface.co/gpt2/tree/main", "hf:gpt2@main", None),
    ("https://huggingface.co/org/name/tree/main", "hf:org/name@main", None),
    ("https://huggingface.co/org/name/tree/main/onnx/", "hf:org/name@main", "onnx"),
    ("https://huggingface.co/org/name/blob/main/config.json", "hf:org/name@main", "config.json"),
    (f"https://huggingface.co/org/name/raw/{COMMIT}/README.md", f"hf:org/name@{COMMIT}", "README.md"),
    ("https://huggingface.co/org/name/blame/v1.0/README.md", "hf:org/name@v1.0", "README.md"),
    ("https://huggingface.co/org/name/resolve/main/a/b%20c.bin?download=true", "hf:org/name@main", "a/b c.bin"),
    ("https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/f%231.txt", "hf:org/name@refs/pr/1", "f#1.txt"),
    ("https://huggingface.co/org/name/resolve/refs/pr/1/f.txt", "hf:org/name@refs/pr/1", "f.txt"),
    ("https://huggingface.co/org/name/tree/refs/convert/parquet", "hf:org/name@refs/convert/parquet", None),
    ("https://huggingface.co/org/name/tree/main/a%2Fb", "hf:org/name@main", "a/b"),
    (f"https://huggingface.co/org/name/commit/{COMMIT}", f"hf:org/name@{COMMIT}", None),
    ("https://huggingface.co/org/name/commits/main", "hf:org/name@main", None),
    ("https://huggingface.co/org/name/discussions/7", "hf:org/name", None),
    ("https://huggingface.co/api/models/org/name", "hf:org/name", None),
    ("https://huggingface.co/api/models/org/name/revision/refs%2Fpr%2F1?blobs=true", "hf:org/name@refs/pr/1", None),
    ("https://huggingface.co/api/models/gpt2/tree/main/sub", "hf:gpt2@main", "sub"),
    ("https://huggingface.co/api/models/org/name/refs", "hf:org/name", None),
    ("hf://org/name", "hf:org/name", None),
    ("hf://gpt2@main", "hf:gpt2@main", None),
    ("hf://models/org/name", "hf:org/name", None),
    ("hf://org/name@v1", "hf:org/name@v1", None),
    ("hf://org/name/sub/config.json", "hf:org/name", "sub/config.json"),
    ("hf://models/org/name@v1/sub/x#y.json", "hf:org/name@v1", "sub/x#y.json"),
    ("hf://org/name@refs/pr/3/config.json", "hf:org/name@refs/pr/3", "config.json"),
    ("hf://org/name@refs/convert/parquet/x", "hf:org/name@refs/convert/parquet", "x"),
    ("hf://org/name@feature%2Ffoo/x", "hf:org/name@feature/foo", "x"),
    ("urn:air:sdxl:checkpoint:huggingface:org/name@main", "hf:org/name@main", None),
    ("urn:air:flux1:checkpoint:huggingface:org/name@v1.0.safetensors", "hf:org/name@v1.0", None),
    ("urn:air:flux1:lora:huggingface:org/name", "hf:org/name", None),
]

MODELSCOPE = [
    ("https://www.modelscope.cn/models/Qwen/Qwen2.5-7B", "modelscope:Qwen/Qwen2.5-7B", None),
    ("https://modelscope.cn/models/Qwen/Qwen2.5-7B/summary", "modelscope:Qwen/Qwen2.5-7B", None),
    ("modelscope.cn/models/Qwen/Qwen2.5-7B/files", "modelscope:Qwen/Qwen2.5-7B", None),
    ("https://www.modelscope.ai/models/o/n/summary", "modelscope:o/n", None),
    ("https://modelscope.cn/models/o/n/resolve/master/a/b.bin", "modelscope:o/n@master", "a/b.bin"),
    ("https://modelscope.cn/models/o/n/file/view/v1.0/a%2Fb.json?status=1", "modelscope:o/n@v1.0", "a/b.json"),
    (f"https://modelscope.cn/api/v1/models/o/n/resolve/{COMMIT}/x", f"modelscope:o/n@{COMMIT}", "x"),
    ("https://modelscope.cn/api/v1/models/o/n?Revision=v1", "modelscope:o/n@v1", None),
    ("https://modelscope.cn/api/v1/models/o/n/repo?Revision=v1&FilePath=a%2Fb.bin", "modelscope:o/n@v1", "a/b.bin"),
    ("https://modelscope.cn/api/v1/models/o/n/repo/files?Revision=v1&Recursive=True", "modelscope:o/n@v1", None),
    ("https://modelscope.cn/api/v1/models/o/n/commits?Ref=dev&PageSize=1", "modelscope:o/n@dev", None),
    ("https://modelscope.cn/openapi/v1/models/o/n", "modelscope:o/n", None),
    ("https://www.modelscope.cn/o/n.git", "modelscope:o/n", None),
]

CIVITAI = [
    ("https://civitai.com/models/4384", "civitai:4384", None),
    ("https://civitai.com/models/4384/dream-shaper/", "civitai:4384", None),
    ("https://civitai.com/models/4384/夢?modelVersionId=128713#gallery", "civitai:4384@128713", None),
    ("civitai.com/models/4384?modelVersionId=128713", "civitai:4384@128713", None),
    ("https://civitai.com/models/4384/model-versions/128713/x", "civitai:4384@128713", None),
    ("https://civitai.com/model-versions/128713", "civitai:@128713", None),
    ("https://civitai.com/api/v1/models/4384", "civitai:4384", None),
    ("https://civitai.com/api/v1/model-versions/128713", "civitai:@128713", None),
    ("https://civitai.com/api/v1/model-versions/mini/128713", "civitai:@128713", None),
    ("https://civitai.com/api/v1/model-versions/mini/128713?modelFileId=9", "civitai:@128713+9", None),
    ("https://civitai.com/api/download/models/128713", "civitai:@128713", None),
    ("https://civitai.com/api/download/models/128713?type=Model&fileId=94641", "civitai:@128713+94641", None),
    ("https://civitai.com/api/download/models/128713?token=SECRET", "civitai:@128713", None),
    ("https://www.civitai.com/models/1", "civitai:1", None),
    ("https://api.civitai.com/api/v1/models/1", "civitai:1", None),
    ("https://civitai.red/models/1", "civitai:1", None),
    ("https://civitai.green/models/1", "civitai:1", None),
    ("https://civitai.blue/models/1", "civitai:1", None),
    ("4384@128713+94641", "civitai:4384@128713+94641", None),
    ("urn:air:sdxl:checkpoint:civitai:827184@2514310", "civitai:827184@2514310", None),
    ("URN:AIR:SDXL:LoRA:Civitai:827184@2514310", "civitai:827184@2514310", None),
    ("air:sd1:model:civitai:1@2+3.safetensors", "civitai:1@2+3", None),
    ("urn:air:sd1:model:civitai:1@2.safetensors", "civitai:1@2", None),
    ("urn:air:sd1:model:civitai:1@2:layer?pt?", "civitai:1@2", None),
    ("urn:air:sd1:model:civitai:1.ckpt", "civitai:1", None),
    ("sdxl:checkpoint:civitai:827184@2514310", "civitai:827184@2514310", None),
    ("lora:civitai:1@2", "civitai:1@2", None),
]

REPLICATE = [
    ("https://replicate.com/stability-ai/sdxl", "replicate:stability-ai/sdxl", None),
    ("replicate.com/o/n", "replicate:o/n", None),
    (f"https://replicate.com/o/n/versions/{HEX}", f"replicate:o/n@{HEX}", None),
    (f"https://replicate.com/o/n/versions/{HEX.upper()}?x=1", f"replicate:o/n@{HEX}", None),
    ("https://replicate.com/o/n/versions", "replicate:o/n", None),
    ("https://replicate.com/o/n/api#run", "replicate:o/n", None),
    ("https://replicate.com/o/n/examples", "replicate:o/n", None),
    ("https://replicate.com/o/n/readme", "replicate:o/n", None),
    ("https://replicate.com/o/n/train", "replicate:o/n", None),
    ("https://replicate.com/o/n/llms.txt", "replicate:o/n", None),
    ("https://api.replicate.com/v1/models/o/n", "replicate:o/n", None),
    (f"https://api.replicate.com/v1/models/o/n/versions/{HEX}", f"replicate:o/n@{HEX}", None),
    (f"https://api.replicate.com/v1/models/o/n/versions/{HEX}/trainings", f"replicate:o/n@{HEX}", None),
    ("https://api.replicate.com/v1/models/o/n/predictions", "replicate:o/n", None),
    ("r8.im/o/n", "replicate:o/n", None),
    ("r8.im/o/n:latest", "replicate:o/n", None),
    (f"r8.im/o/n@sha256:{HEX}", f"replicate:o/n@{HEX}", None),
    (f"https://r8.im/o/n@sha256:{HEX}", f"replicate:o/n@{HEX}", None),
    (f"r8.im/o/n:v1@sha256:{HEX}", f"replicate:o/n@{HEX}", None),
    (f"urn:air:oci:image:r8.im:o/n@sha256:{HEX}", f"replicate:o/n@{HEX}", None),
]


@pytest.mark.parametrize(("text", "written", "path"), [*HUB, *MODELSCOPE, *CIVITAI, *REPLICATE])
def test_addresses_are_read(text: str, written: str, path: str | None) -> None:
    """Each form that a zoo prints or takes gives the reference, and the file it points to beside it."""
    ref, found = parse_with_path(text)
    assert (str(ref), found) == (written, path)
    assert Ref.parse(text) == ref == Ref.parse(written)


@pytest.mark.parametrize(
    "text",
    [
        "https://huggingface.co/datasets/org/name",
        "https://huggingface.co/datasets/org/name/resolve/main/x",
        "https://huggingface.co/spaces/org/name",
        "https://huggingface.co/kernels/org/name",
        "https://huggingface.co/api/datasets/org/name",
        "hf://datasets/org/name",
        "hf://spaces/org/name@main",
        "hf://buckets/org/name/x",
        "https://modelscope.cn/datasets/o/n",
        "https://modelscope.cn/studios/o/n",
        "https://modelscope.cn/api/v1/datasets/o/n/repo",
        f"https://civitai.com/api/v1/model-versions/by-hash/{HEX}",
        "https://replicate.com/p/abc",
        "https://replicate.com/deployments/o/n",
        "https://replicate.com/collections/text-to-image",
        "urn:air:sd1:model:orchestrator:job@x.bin",
        "urn:air:sd1:model:civitai-r2:bucket@x",
        "urn:air:oci:image:docker.io:library/x@latest",
    ],
)
def test_addresses_of_what_is_no_model_are_unsupported(text: str) -> None:
    """They are understood, and declined with a sentence."""
    with pytest.raises(Unsupported) as caught:
        Ref.parse(text)
    assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("https://huggingface.co", 22),
        ("https://huggingface.co/", 23),
        ("https://huggingface.co/docs/hub", 23),
        ("https://huggingface.co/models", 23),
        ("https://huggingface.co/org/name/what", 32),
        ("https://huggingface.co/api/whoami-v2", 27),
        ("https://huggingface.co/org//name", 27),
        ("https://huggingface.co/org/name/blob/main/../x", 42),
        ("https://huggingface.co/org/name/blob/main/%2e%2e/x", 42),
        ("https://huggingface.co/org/name/blob/main/a%2F..%2Fx", 46),
        ("https://huggingface.co/org/name/blob/main/x%00", 43),
        ("https://huggingface.co/org/name/blob/main/x%5Cy", 43),
        ("https://huggingface.co/org/name/blob/main/x%", 43),
        ("https://huggingface.co/org/name/blob/%2e%2e/x", 37),
        ("https://huggingface.co/org/name/blob/%252e/x", 37),
        ("https://huggingface.co/org/name/blob/a%20b/x", 38),
        ("https://huggingface.co/%2e%2e/name", 23),
        ("https://huggingface.co/org/na%2Fme", 29),
        ("https://huggingface.co/org/name tree", 31),
        ("https://huggingface.co/org/name\n", 31),
        ("https://huggingface.co/org/name#sha256=12", 41),
        ("https://huggingface.co.evil.com/org/name", 8),
        ("https://huggingface.co:8443/org/name", 8),
        ("https://huggingface.co@evil.com/org/name", 8),
        ("https://user:secret@huggingface.co/org/name", 8),
        ("https://hugg\u0456ngface.co/org/name", 8),
        ("https://h\u017fgingface.co/org/name", 8),
        ("https://evil.com/org/name", 8),
        ("https://127.0.0.1:8000/org/name", 8),
        ("ftp://huggingface.co/org/name", 3),
        ("hf://", 5),
        ("hf://org/name@", 13),
        ("hf://org/name@v1/../x", 17),
        ("hf://org/name@%2e%2e", 14),
        ("https://modelscope.cn/", 22),
        ("https://modelscope.cn/home", 22),
        ("https://modelscope.cn/models/o", 30),
        ("https://modelscope.cn/models/o/n/what", 33),
        ("https://modelscope.cn/api/v1/models/o/n/repo?Revision=a%20b&FilePath=x", 55),
        ("https://modelscope.cn/api/v1/models/o/n/repo?FilePath=..%2Fx", 54),
        ("https://civitai.com/models/abc", 27),
        ("https://civitai.com/models/0", 27),
        ("https://civitai.com/models/4384?modelVersionId=x", 47),
        ("https://civitai.com/images/5", 20),
        ("https://civitai.com/api/download/models/1?fileId=99999999999", 49),
        ("https://civitai.com/api/download/models/", 40),
        ("https://image.civitai.com/models/1", 8),
        ("urn:air:sd1:model:civitai:x@2", 26),
        ("urn:air:sd1:model:civitai:1@x", 28),
        ("urn:air:sd1:model:civitai:1@2+", 30),
        ("urn:air:sd1:model:civitai:1+3", 27),
        ("urn:air:sd1:model:civitai:1@2/../3", 29),
        ("urn:air:", 8),
        ("urn:isbn:123", 4),
        ("https://replicate.com/o", 23),
        ("https://replicate.com/docs/x", 22),
        ("https://replicate.com/o/n/what", 26),
        ("https://replicate.com/o/n/versions/12", 37),
        ("https://api.replicate.com/v1/predictions/x", 29),
        ("r8.im/o/n:v1", 10),
        ("r8.im/o/n@md5:00", 10),
        ("r8.im/o/n@sha256:00", 19),
    ],
)
def test_bad_addresses_are_refused_at_their_character(text: str, position: int) -> None:
    """Foreign and look-alike hosts, traversal in any coding, and pages that name no model."""
    with pytest.raises(RefError) as caught:
        Ref.parse(text)
    assert caught.value.position == position


@pytest.mark.parametrize(
    "text",
    [
        "https://civitai.com/api/download/models/x?token=SECRET",
        "https://civitai.com/api/download/models/x?fileId=1&TOKEN=SECRET",
        "https://me:SECRET@huggingface.co/org/name",
        "https://SECRET@huggingface.co/org/name",
        "https://evil.com/x?api_key=SECRET#y",
        "civitai.com/models/x?token=SECRET",
    ],
)
def test_errors_hide_secrets_and_keep_positions(text: str) -> None:
    """A token pasted with an address is shown nowhere, and the shown text is as long as the given one."""
    with pytest.raises(RefError) as caught:
        Ref.parse(text)
    assert "SECRET" not in f"{caught.value.message}{caught.value.ref}{caught.value.hint}"
    assert caught.value.ref is not None
    assert len(caught.value.ref) == len(text)


@settings(max_examples=200, deadline=None)
@given(
    st.from_regex(r"[a-z0-9]{1,8}/[a-z0-9]{1,8}", fullmatch=True),
    st.from_regex(r"[a-z0-9]{1,5}(/[a-z0-9]{1,5}){0,2}|bü[a-z]|a[@#%+=][g-z]", fullmatch=True),
    st.lists(st.text("abc #?%ü+&=", min_size=1, max_size=6), min_size=1, max_size=3).map("/".join),
)
def test_any_revision_and_path_survive_the_address(name: str, revision: str, path: str) -> None:
    """What the Hub's own quoting writes, ``/`` of the revision as ``%2F``, is what comes out."""
    from urllib.parse import quote

    text = f"https://huggingface.co/{name}/resolve/{quote(revision, safe='')}/{quote(path)}?download=true"
    assert parse_with_path(text) == (Ref(scheme="hf", id=name, revision=revision), path)
