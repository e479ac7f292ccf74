"""The two models the project exists for, as their own authors run them. Data only; loads nothing."""

from __future__ import annotations

from arena.types import GenerationConfig, ModelSpec

QWEN = ModelSpec(
    id="qwen-7b-chat",
    name="Qwen-7B-Chat",
    family="qwen",
    source="",
    runtime="transformers",
    precision="bf16",
    context_length=8192,
    licence="Tongyi Qianwen",
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
    defaults=GenerationConfig(max_new_tokens=2048, temperature=0.8, top_p=0.8, top_k=50, repetition_penalty=1.0),
)

ORIGINALS = {spec.id: spec for spec in (QWEN, CHATGLM3)}
# By the model_type of config.json.
BY_TYPE = {"qwen": QWEN, "chatglm": CHATGLM3}
