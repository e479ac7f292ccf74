"""The makers of the models in a battle, from what is known of each model: its name, id, family and file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from arena.judging.names.folding import fold
from arena.judging.names.makers import MAKERS, Maker
from arena.judging.names.marks import NAME, mark
from arena.types import ModelSpec

# A family that says how a model is run or laid out, not who made it.
_NO_FAMILY = frozenset(("openai", "gguf", "scripted", "recorded", "llama.cpp", "llama"))
# Words in names of models that name none: what it is for, how it was packed, and what people call a trial.
_NOISE = re.compile(
    "a|b|ai|an|and|alpha|answer|assistant|awq|base|beta|bf|bit|bnb|bot|chat|code|coder|default|demo|distill|dpo|"
    "exp|expert|fast|final|fine|finetune|flash|fp|gguf|gptq|hf|imatrix|instruct|int|it|large|latest|left|lite|"
    "llm|local|lora|lm|main|math|max|medium|merged|mini|mlx|model|my|nano|new|old|one|original|oss|plus|preview|"
    "pro|prompt|quant|quantized|reasoning|right|rl|rlhf|sft|small|stub|super|test|the|thinking|three|tiny|tuned|"
    "turbo|two|ultra|user|v|vision|vl|xl"
)
_WORD = re.compile(r"[A-Za-z]+|[\u3400-\u9fff]+")
_QUANTIZED = re.compile(r"[-._]i?q\d[a-z0-9_]*|\.gguf$", re.IGNORECASE)
# A capital inside a word is no ordinary word's: TigerBot, BlueLM.
_COINED = re.compile(r"[a-z][A-Z]|LM$|GPT")


def makers_of(spec: ModelSpec) -> tuple[Maker, ...]:
    """The makers that the model's names point to; a name that is in no table stands for a maker of its own."""
    return _makers(spec.name, spec.id, "" if spec.family in _NO_FAMILY else spec.family, _file(spec.source))


@lru_cache(maxsize=256)
def _makers(*names: str) -> tuple[Maker, ...]:
    keys = {key for name in names for key in mark(_spaced(name)).makers}
    known = tuple(maker for maker in MAKERS if maker.key in keys)
    unknown = (_unknown(name, bool(known)) for name in names[:2])
    return (*known, *dict.fromkeys(filter(None, unknown)))


def _file(source: str) -> str:
    """The last two parts of a path or hub id, as in `mistralai/Mistral-7B-v0.3.gguf`; of a server its model alone."""
    if "#" in source:
        return source.rpartition("#")[2]
    return "" if "://" in source else "/".join(PurePosixPath(source.partition(":")[2] or source).parts[-2:])


def _spaced(name: str) -> str:
    """A name without the marks of its packing, as it would stand in a text."""
    return fold(re.sub(r"[/_@(),=]|--", " ", _QUANTIZED.sub("", name)))


def _unknown(name: str, is_known: bool) -> Maker | None:
    """The maker of a name that no table has. Of a model whose maker is known, only a coined word is one."""
    words = [word for word in _words(name) if not is_known or _COINED.search(word)]
    phrase = " ".join(word.casefold() for word in words)
    if len(phrase) < 3 and phrase.isascii():
        return None
    if any(_COINED.search(word) for word in words):
        return Maker(f"own:{phrase}", models=(phrase,))
    return Maker(f"own:{phrase}", words=(phrase,))


def _words(name: str) -> Iterator[str]:
    """The words of a name up to its size or version, without the names that are known and the noise."""
    head = re.split(r"(?<![A-Za-z])\d", _QUANTIZED.sub("", name.rpartition("/")[2]))[0]
    for word in _WORD.findall(head):
        if not _NOISE.fullmatch(word.casefold()) and not NAME.search(mark(fold(word)).text):
            yield word.removesuffix("大模型")
