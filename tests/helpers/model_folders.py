"""Checkpoint folders for tests: the stored ones, and small ones written from them that answer what a test needs."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from served_app import ROOT

from arena.types import Message

DATA = ROOT / "tests" / "data"
ORACLES = ROOT.parent / "shared" / "oracles"
MICRO = ("qwen-micro-vocab2048", "chatglm3-micro-vocab2048", "chatglm3-micro-bin")
TINY = {"qwen": "qwen-7b-chat-tiny", "chatglm": "chatglm3-6b-tiny"}
# Each is one token in both vocabularies.
WORDS = ("一个", "中国", "可以", "没有", "我们", "他们", "什么", "自己", "工作", "问题", "时间", "公司", "就是", "现在")
needs_oracles = pytest.mark.skipif(
    not ORACLES.is_dir(), reason=f"needs the real vocabularies in {ORACLES.relative_to(ROOT.parent)}"
)


def expected(name: str) -> dict[str, Any]:
    """One of the oracle's files."""
    result: dict[str, Any] = json.loads((ORACLES / "expected" / name).read_text(encoding="utf-8"))
    return result


def copied(source: Path, target: Path) -> Path:
    """A folder of one's own to damage."""
    shutil.copytree(source, target)
    for path in (target, *target.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    return target


def edit_json(path: Path, **changes: Any) -> None:
    """Sets keys of a JSON file; None takes one away."""
    value = json.loads(path.read_text(encoding="utf-8"))
    for key, content in changes.items():
        value.pop(key, None)
        if content is not None:
            value[key] = content
    path.write_text(json.dumps(value), encoding="utf-8")


def rewrite(folder: Path, change: Any) -> None:
    """Applies `change` to all tensors, which is called with a dictionary of them."""
    from safetensors.torch import load_file, save_file

    files = sorted(folder.glob("*.safetensors"))
    shards = {file: load_file(file) for file in files}
    tensors = {name: value for shard in shards.values() for name, value in shard.items()}
    change(tensors)
    for file, shard in shards.items():
        save_file({name: tensors[name] for name in shard}, file)


def make_talkative(folder: Path, family: str) -> None:
    """Lets a tiny folder choose among whole words only, by its random weights: it talks on, and never stops."""
    chat = _chat(folder, family)
    ids = [chat.encode(word)[-1] for word in WORDS]

    def change(tensors: dict[str, Any]) -> None:
        head = tensors["lm_head.weight" if family == "qwen" else "transformer.output_layer.weight"]
        kept = head[list(ids)].clone()
        head.zero_()
        head[list(ids)] = kept

    rewrite(folder, change)


def _chat(folder: Path, family: str) -> Any:
    from backends.families.chatglm import ChatGLMChat
    from backends.families.qwen import QwenChat

    return QwenChat(folder) if family == "qwen" else ChatGLMChat(folder)


# Embedding, head, last norm, and the ends of what a layer adds, by family.
_NAMES = {
    "qwen": ("transformer.wte.weight", "lm_head.weight", "transformer.ln_f.weight", ("c_proj.weight",)),
    "chatglm": (
        "transformer.embedding.word_embeddings.weight",
        "transformer.output_layer.weight",
        "transformer.encoder.final_layernorm.weight",
        (".dense.weight", "dense_4h_to_h.weight"),
    ),
    "native": (
        "model.embed_tokens.weight",
        "lm_head.weight",
        "model.norm.weight",
        ("o_proj.weight", "down_proj.weight"),
    ),
}


def make_scripted(folder: Path, family: str, chain: Sequence[int]) -> None:
    """Lets a small folder say one thing: after each id of `chain` comes the next one. All ids differ."""
    import torch

    assert len(set(chain)) == len(chain)
    words, head, norm, additions = _NAMES[family]

    def change(tensors: dict[str, Any]) -> None:
        for name, value in tensors.items():
            if name.endswith(additions):
                value.zero_()
        tensors[norm].fill_(1)
        tensors[words].zero_()
        tensors[head].zero_()
        hidden = tensors[words].shape[1]
        vectors = torch.randn(len(chain), hidden, generator=torch.Generator().manual_seed(1))
        vectors /= vectors.pow(2).mean(-1, keepdim=True).sqrt()
        for number, token in enumerate(chain):
            tensors[words][token] = vectors[number].to(tensors[words].dtype)
            if number:
                tensors[head][token] = (20 * vectors[number - 1] / hidden).to(tensors[head].dtype)

    rewrite(folder, change)


def scripted_original(place: Path, family: str, reply: str, end: int) -> Path:
    """A copy of a tiny original that answers `reply` to everything and ends with the id `end`."""
    folder = copied(ORACLES / TINY[family], place)
    chat = _chat(folder, family)
    last = chat.prompt_ids([Message("user", "x")])[-1]
    make_scripted(folder, family, [last, *chat.encode(reply), end])
    return folder
