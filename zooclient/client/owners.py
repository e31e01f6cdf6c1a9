"""Owners that go by different names at different zoos: where to look for the same model under another name.

A wrong row costs one question, and never a wrong byte: only a digest makes a place a source. The rows are pairs that
``ms-swift``, the training framework of ModelScope's own people, lists for the models that it supports ("Supported
models and datasets" of its documentation, read in August 2026): owners listed at least twice whose models keep their
names, and what an owner was called before.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from zooclient.errors import RefError
from zooclient.records.ref import Ref


class Owner(NamedTuple):
    """One owner under two names.

    Attributes:
        hf: Name at Hugging Face.
        modelscope: Name at ModelScope.
        why: What the one has to do with the other.
    """

    hf: str
    modelscope: str
    why: str


OWNERS = (
    Owner("zai-org", "ZhipuAI", "the same company; renamed at the Hub"),
    Owner("THUDM", "ZhipuAI", "the same models, from before the Hub's owner was renamed to zai-org"),
    Owner("internlm", "Shanghai_AI_Laboratory", "the same laboratory"),
    Owner("meta-llama", "LLM-Research", "ModelScope's mirror of research models"),
    Owner("microsoft", "LLM-Research", "ModelScope's mirror of research models: the Phi family"),
    Owner("google", "LLM-Research", "ModelScope's mirror of research models: Gemma 2 and 3"),
    Owner("allenai", "LLM-Research", "ModelScope's mirror of research models"),
    Owner("hugging-quants", "LLM-Research", "ModelScope's mirror of research models: quantized Llama"),
    Owner("01-ai", "01ai", "the same company"),
    Owner("tencent", "Tencent-Hunyuan", "the same company: Hunyuan"),
    Owner("openbmb", "OpenBMB", "the same group; letter case counts at ModelScope"),
    Owner("MiniMaxAI", "MiniMax", "the same company"),
    Owner("sensenova", "SenseNova", "the same company; letter case counts at ModelScope"),
    Owner("Alibaba-NLP", "iic", "the same company: its Institute for Intelligent Computing"),
    Owner("mPLUG", "iic", "the same company: its Institute for Intelligent Computing"),
    Owner("nvidia", "nv-community", "NVIDIA's community account"),
    Owner("openai", "openai-mirror", "ModelScope's mirror of the open models"),
    Owner("IDEA-CCNL", "Fengshenbang", "the same group"),
)

#: Scheme → owners that mirror models of many owners of other zoos under the models' own names. AI-ModelScope is the
#: account by which ModelScope's people do so: Gemma, Mistral, Stable Diffusion, Mamba, LLaVA and others.
MIRRORS = {"modelscope": ("AI-ModelScope",)}


def namesakes(ref: Ref, scheme: str) -> Iterator[Ref]:
    """Yields the references under which another zoo may have the model: its own name first.

    Nothing for a name that is not ``owner/name``, or that cannot be one at the other zoo.
    """
    owner, slash, name = ref.id.partition("/")
    if not slash or scheme == ref.scheme:
        return
    names = [owner]
    for row in OWNERS:
        known = row._asdict()
        if known.get(ref.scheme) == owner and scheme in known:
            names.append(known[scheme])
    names += MIRRORS.get(scheme, ())
    for one in dict.fromkeys(names):
        try:
            yield Ref(scheme=scheme, id=f"{one}/{name}")
        except RefError:
            return  # its models have no such names
