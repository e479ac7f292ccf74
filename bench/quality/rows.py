"""The table of roundings: each scheme on the embedded model and on an encoder, compared with the float model."""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backends.folder.packed import GROUPS
from backends.packed.calibrate import calibrated, calibration_ids, passages
from backends.packed.scheme import fitting_group, round4, round8
from bench.quality.models import (
    Encoder,
    Logits,
    Rounding,
    answer_logits,
    load_floats,
    logits_of,
    packed_copy,
    permute,
    prompt_logits,
)

TEXT = Path(__file__).with_name("quality.txt")
SEED = 1
GROUP = 32
# Called with the row in progress, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Quality:
    """Over all positions: mean KL(reference || other) in nats, share of equal best tokens, the other's perplexity."""

    positions: int
    kl: float
    agreement: float
    perplexity: float


@dataclass(frozen=True)
class Scheme:
    """A rounding, and the bits of a weight with its part of the scales."""

    name: str
    bits: float
    apply: Rounding


@dataclass(frozen=True)
class QualityRow:
    """One scheme: the chat model's quality on all text and by language, and the encoder's relative error."""

    scheme: str
    bits: float
    all: Quality
    zh: Quality
    en: Quality
    encoder_error: float | None


def quality_rows(path: Path, progress: Progress = lambda row, done, total: None) -> list[QualityRow]:
    """All rows for the GGUF file of the embedded model. Takes some minutes; the figures are always the same."""
    progress("reading the model", 0, 1)
    model, tokenizer = load_floats(path)
    permute(model, SEED)
    model.to(torch.bfloat16)
    texts: dict[bool, list[str]] = {True: [], False: []}
    for text in passages(TEXT):
        texts[re.search("[一-鿿]", text) is not None].append(text)
    zh, en = ([tokenizer(text).input_ids for text in texts[is_chinese]] for is_chinese in (True, False))
    encoder, reference = Encoder(texts[False]), logits_of(model)
    rows = []

    def add_row(name: str, bits: float, other: Logits, rounding: Rounding | None = None) -> None:
        in_zh, in_en = (compare(reference, other, ids) for ids in (zh, en))
        error = encoder.error(rounding) if rounding else None
        both = quality(torch.cat([in_zh, in_en]))
        rows.append(QualityRow(name, bits, both, quality(in_zh), quality(in_en), error))

    add_row("bf16", 16.0, reference)
    for scheme in schemes():
        progress(scheme.name, 0, 1)
        add_row(scheme.name, scheme.bits, logits_of(rounded_copy(model, scheme.apply)), scheme.apply)
    packed = packed_copy(model, GROUP)
    for way, logits in (("prompts", prompt_logits(packed)), ("answers", answer_logits(packed))):
        progress(f"int4 as run, {way}", 0, 1)
        add_row(f"int4 as run, {way}", 4 + 32 / GROUP, logits)
    name = f"int4 --best, groups of {GROUP}"
    best = best_copy(model, _calibration(tokenizer), lambda done, layers: progress(name, done, layers))
    add_row(name, 4 + 32 / GROUP, logits_of(best))
    return rows


def compare(reference: Logits, other: Logits, sequences: Sequence[Sequence[int]]) -> torch.Tensor:
    """By position of all texts: the divergence, 1 for the same best token, and the other's surprise at the next one."""
    return torch.cat([_compared(reference(ids), other(ids), ids) for ids in sequences])


def _compared(reference: torch.Tensor, other: torch.Tensor, ids: Sequence[int]) -> torch.Tensor:
    ours, theirs = (logits.double().log_softmax(-1) for logits in (reference, other))
    following = torch.tensor(list(ids[1:]), dtype=torch.long)[:, None]
    # A text's last position has no next token.
    surprise = torch.cat([-theirs[:-1].gather(1, following)[:, 0], torch.tensor([math.nan])])
    divergence = (ours.exp() * (ours - theirs)).sum(-1)
    return torch.stack([divergence, ours.argmax(-1) == theirs.argmax(-1), surprise], 1)


def quality(compared: torch.Tensor) -> Quality:
    """The means over positions; NaN where there are none."""
    divergence, agreed, surprise = compared.unbind(1)
    perplexity = surprise.nanmean().exp()
    return Quality(len(compared), divergence.mean().item(), agreed.mean().item(), perplexity.item())


def schemes() -> list[Scheme]:
    """This project's schemes and, for comparison, llama.cpp's."""
    own = [Scheme(f"int4, groups of {group}", 4 + 32 / group, _in_groups(group)) for group in GROUPS]
    return [
        Scheme("int8", 8.0, lambda weight: round8(weight).floats()),
        *own,
        Scheme("llama.cpp Q4_0", 4.5, _by_gguf("Q4_0")),
        Scheme("llama.cpp Q4_1", 5.0, _by_gguf("Q4_1")),
    ]


def _in_groups(group: int) -> Rounding:
    # A small model's rows are not always a multiple of 128.
    return lambda weight: round4(weight, fitting_group(weight.shape[1], group)).floats()


def _by_gguf(kind: str) -> Rounding:
    def apply(weight: torch.Tensor) -> torch.Tensor:
        from gguf import GGMLQuantizationType
        from gguf.quants import dequantize, quantize

        chosen = GGMLQuantizationType[kind]
        return torch.from_numpy(dequantize(quantize(weight.float().numpy(), chosen), chosen).copy())

    return apply


def rounded_copy(model: Any, rounding: Rounding) -> Any:
    """The model with every Linear of its layers rounded, and its head in 8 bits."""
    other = _with_int8_head(model)
    for module in other.model.layers.modules():
        if isinstance(module, torch.nn.Linear):
            weight = module.weight.data
            module.weight.data = rounding(weight.float()).to(weight.dtype)
            assert module.weight.shape == weight.shape
    return other


def best_copy(model: Any, sequences: Sequence[Sequence[int]], progress: Callable[[int, int], None]) -> Any:
    """The same with calibrated rounding (`quantize --best`)."""
    other = _with_int8_head(model)
    for name, rounded in calibrated(copy.deepcopy(model), sequences, GROUP, progress=progress):
        other.get_submodule(name).weight.data = rounded.floats().to(torch.bfloat16)
    return other


def _with_int8_head(model: Any) -> Any:
    other = copy.deepcopy(model)
    # A parameter of its own: a tied embedding stays in floats.
    head = round8(model.lm_head.weight.data).floats().to(torch.bfloat16)
    other.lm_head.weight = torch.nn.Parameter(head, requires_grad=False)
    return other


def _calibration(tokenizer: Any) -> list[list[int]]:
    def prompt_ids(chat: Sequence[Any]) -> list[int]:
        messages = [{"role": message.role, "content": message.content} for message in chat]
        ids: list[int] = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        return ids

    return calibration_ids(prompt_ids)
