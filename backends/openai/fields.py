"""The fields of a request that say how to generate, by the kind of server, and those that a server refuses."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from arena.generation_config import SWITCH, GenerationConfig
from backends.openai.refusals import Refusal

# Vendors whose own fields switch thinking.
_GLM_HOSTS, _QWEN_HOSTS = (".bigmodel.cn", ".z.ai"), (".aliyuncs.com", ".modelscope.cn", ".siliconflow.cn")
# The fields that a server may refuse, and the setting that each stands for ("": none). The last three are OpenAI's own.
SETTING_OF = {
    **dict.fromkeys(("chat_template_kwargs", SWITCH, "thinking_budget", "thinking", "reasoning_effort"), "thinking"),
    **{"top_k": "top_k", "repetition_penalty": "repetition_penalty", "repeat_penalty": "repetition_penalty"},
    **dict.fromkeys(("min_p", "return_progress", "stream_options"), ""),
    **{name: name for name in ("temperature", "top_p", "seed")},
}
_OWN = ("temperature", "top_p", "seed")
LIMIT, NEW_LIMIT = "max_tokens", "max_completion_tokens"


def thinking_switch(config: GenerationConfig, kind: str, url: str) -> dict[str, Any]:
    """The fields that say whether to think, by the vendor or the kind of server; {} to say nothing."""
    if (thinks := config.thinks) is None:
        return {}
    host = f".{urlsplit(url).hostname}"
    if host.endswith(_GLM_HOSTS):
        return {"thinking": {"type": "enabled" if thinks else "disabled"}}
    if host.endswith(_QWEN_HOSTS):
        return {SWITCH: thinks, **({"thinking_budget": config.thinking} if thinks else {})}
    if kind == "library":  # Ollama, which thinks unless it is told not to
        return {} if thinks else {"reasoning_effort": "none"}
    return {"chat_template_kwargs": {SWITCH: thinks}}


def settings_fields(config: GenerationConfig, kind: str, url: str) -> dict[str, Any]:
    """The request's fields for sampling. Fields beyond OpenAI's own have the names that the kind of server knows; a
    server of an unknown kind gets them only where they differ from the default."""
    extra: dict[str, Any] = {}
    if kind == "llamacpp":
        # Its defaults are top_k 40 and min_p 0.05.
        extra = {"top_k": config.top_k, "min_p": 0.0, "repeat_penalty": config.repetition_penalty}
        extra["return_progress"] = True
    elif kind in ("vllm", "sglang") or config.top_k or config.repetition_penalty != 1:
        extra = {"top_k": config.top_k or -1, "repetition_penalty": config.repetition_penalty}
    return {
        # Servers have one limit for the thinking and the answer.
        LIMIT: config.max_new_tokens + (config.thinking or 0),
        "stream_options": {"include_usage": True},
        "temperature": config.temperature,
        # Greedy is greedy with any top_p, and some servers refuse both together.
        **({"top_p": config.top_p} if config.temperature else {}),
        **({} if config.seed is None else {"seed": config.seed}),
        **extra,
        **thinking_switch(config, kind, url),
    }


def refused_fields(refusal: Refusal, request: Mapping[str, Any]) -> frozenset[str]:
    """The fields of a request to leave out: those that the server names, else all but OpenAI's own, else these too."""
    if refusal.status not in (0, 400, 422):
        return frozenset()
    if LIMIT in request and NEW_LIMIT in refusal.text:
        return frozenset((LIMIT,))
    fields = request.keys() & SETTING_OF.keys()
    named = frozenset(name for name in fields if re.search(rf"\b{name}\b", refusal.text))
    if named or not refusal.status:
        return named
    return frozenset(fields - set(_OWN)) or frozenset(fields)
