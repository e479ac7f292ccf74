"""The table of roundings on real weights: each scheme on the embedded model, and on an encoder. Prints nothing."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backends.packed.calibrate import calibrated, calibration_ids, passages
from backends.packed.scheme import round8
from bench.quality.as_run import as_answer, as_prompt, as_run
from bench.quality.encoder import Encoder, encoder_folder
from bench.quality.permute import permute
from bench.quality.schemes import Rounding, schemes
from bench.quality.smollm2 import load_floats
from bench.quality.sums import Logits, Quality, Sums, compare

TEXT = Path(__file__).with_name("quality.txt")
SEED = 1
GROUP = 32
# Told the row that is at work, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class QualityRow:
    """One scheme: the chat model's quality on all text and by language, and the encoder's relative error."""

    scheme: str
    bits: float
    all: Quality
    zh: Quality
    en: Quality
    encoder_error: float | None


def quality_rows(path: Path, progress: Progress = lambda row, done, of: None) -> list[QualityRow]:
    """All rows, for the GGUF file of the embedded model. Takes some minutes; the same numbers every time."""
    progress("reading the model", 0, 1)
    model, tokenizer = load_floats(path)
    permute(model, SEED)
    model.to(torch.bfloat16)
    texts = passages(TEXT)
    zh = [tokenizer(text).input_ids for text in texts if _chinese(text)]
    en = [tokenizer(text).input_ids for text in texts if not _chinese(text)]
    folder = encoder_folder()
    encoder = Encoder(folder, [text for text in texts if not _chinese(text)]) if folder else None

    def row(name: str, bits: float, other: Logits, rounding: Rounding | None) -> QualityRow:
        in_zh, in_en = (compare(_logits(model), other, ids) for ids in (zh, en))
        return _row(name, bits, in_zh, in_en, encoder.error(rounding) if encoder and rounding else None)

    rows = [row("bf16", 16.0, _logits(model), None)]
    for scheme in schemes():
        progress(scheme.name, 0, 1)
        rows.append(row(scheme.name, scheme.bits, _logits(rounded_copy(model, scheme.apply)), scheme.apply))
    packed = as_run(model, GROUP)
    for way, logits in (("prompts", as_prompt(packed)), ("answers", as_answer(packed))):
        progress(f"int4 as run, {way}", 0, 1)
        rows.append(row(f"int4 as run, {way}", 4 + 32 / GROUP, logits, None))
    name = f"int4 --best, groups of {GROUP}"
    best = best_copy(model, _calibration(tokenizer), lambda done, layers: progress(name, done, layers))
    return [*rows, row(name, 4 + 32 / GROUP, _logits(best), None)]


def rounded_copy(model: Any, rounding: Rounding) -> Any:
    """The model with every Linear of its layers rounded, and its head in 8 bits."""
    other = _with_int8_head(model)
    for name, weight in _linears(other):
        weight.data = rounding(weight.data.float()).to(weight.dtype)
        assert weight.shape == model.get_parameter(name).shape
    return other


def best_copy(model: Any, sequences: Sequence[Sequence[int]], progress: Callable[[int, int], None]) -> Any:
    """The same with errors made up for."""
    other = _with_int8_head(model)
    for name, rounded in calibrated(copy.deepcopy(model), sequences, GROUP, progress=progress):
        other.get_submodule(name).weight.data = rounded.floats().to(torch.bfloat16)
    return other


def _with_int8_head(model: Any) -> Any:
    other = copy.deepcopy(model)
    # A parameter of its own: where the head is tied, the embedding keeps its floats.
    head = round8(model.lm_head.weight.data).floats().to(torch.bfloat16)
    other.lm_head.weight = torch.nn.Parameter(head, requires_grad=False)
    return other


def _linears(model: Any) -> Iterator[tuple[str, Any]]:
    for name, module in model.model.layers.named_modules():
        if isinstance(module, torch.nn.Linear):
            yield f"model.layers.{name}.weight", module.weight


def _logits(model: Any) -> Logits:
    def logits(ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            scores: torch.Tensor = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
        return scores

    return logits


def _calibration(tokenizer: Any) -> list[list[int]]:
    def prompt_ids(chat: Sequence[Any]) -> list[int]:
        talk = [{"role": message.role, "content": message.content} for message in chat]
        ids: list[int] = tokenizer.apply_chat_template(talk, add_generation_prompt=True, return_dict=False)
        return ids

    return calibration_ids(prompt_ids)


def _row(name: str, bits: float, zh: Sums, en: Sums, encoder_error: float | None) -> QualityRow:
    return QualityRow(name, bits, (zh + en).means(), zh.means(), en.means(), encoder_error)


def _chinese(text: str) -> bool:
    return re.search("[一-鿿]", text) is not None
