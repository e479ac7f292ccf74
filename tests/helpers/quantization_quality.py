"""What each rounding of weights costs: the embedded chat model with rounded weights, compared with the float model."""

import copy
import math
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from gguf import GGMLQuantizationType
from gguf.quants import dequantize, quantize
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from backends.folder.packed import GROUPS
from backends.packed.calibrate import calibrated, calibration_ids, passages
from backends.packed.linear import FEW, OutputLayer
from backends.packed.residual import has_residual, round_output
from backends.packed.scheme import fitting_group, pack4, round4, round8

TEXT = Path(__file__).with_suffix(".txt")
SEED = 1
GROUP = 32
# From a float matrix to the float matrix that a rounding makes of it.
Rounding = Callable[[torch.Tensor], torch.Tensor]
# From the token ids of one text to logits [len(ids), vocabulary].
Logits = Callable[[Sequence[int]], torch.Tensor]


def with_8_bits(weight: torch.Tensor) -> torch.nn.Module:
    """An output layer of 8 bits."""
    head = torch.nn.Linear(*weight.T.shape, bias=False, device="meta")
    head.weight = torch.nn.Parameter(round8(weight).floats().to(torch.bfloat16), requires_grad=False)
    return head


def as_quantized(weight: torch.Tensor, group: int = GROUP) -> torch.nn.Module:
    """An output layer as `quantize` stores it in int4."""
    if not has_residual(weight.shape):
        return with_8_bits(weight)
    first, residual = round_output(weight, fitting_group(weight.shape, group))
    return _InPieces(OutputLayer(pack4(first), residual, len(weight), None, None))


class _InPieces(torch.nn.Module):
    """Gives an output layer a few rows at a time, as a model that answers does."""

    def __init__(self, layer: OutputLayer) -> None:
        super().__init__()
        self._layer = layer

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([self._layer(rows) for rows in x.split(FEW, -2)], -2)


class Scheme(NamedTuple):
    """A rounding, the bits of a weight with its part of the scales, and what makes the output layer."""

    name: str
    bits: float
    apply: Rounding
    output: Callable[[torch.Tensor], torch.nn.Module] = with_8_bits


def quality_rows(path: Path, progress: Callable[[str], None]) -> list[dict[str, Any]]:
    """Each scheme on the GGUF file of the embedded model: a row for all text, Chinese text and English text.

    Takes some minutes; the figures are always the same.
    """
    progress("Reading the model ...")
    model, tokenizer = load_floats(path)
    permute(model, SEED)
    model.to(torch.bfloat16)
    texts: dict[bool, list[list[int]]] = {True: [], False: []}
    for text in passages(TEXT):
        texts[re.search("[一-鿿]", text) is not None].append(tokenizer(text).input_ids)
    reference, rows = logits_of(model), []

    def add_rows(name: str, bits: float, other: Logits) -> None:
        zh, en = (compare(reference, other, texts[is_chinese]) for is_chinese in (True, False))
        for text, compared in (("all", torch.cat([zh, en])), ("zh", zh), ("en", en)):
            rows.append({"scheme": name, "bits": bits, "text": text, **quality(compared)})

    add_rows("bf16", 16.0, reference)
    for scheme in schemes():
        progress(f"{scheme.name} ...")
        add_rows(scheme.name, scheme.bits, logits_of(rounded_copy(model, scheme)))
    name = f"int4 --best, groups of {GROUP}"
    chats = calibration_ids(
        lambda chat: tokenizer.apply_chat_template(list(map(vars, chat)), add_generation_prompt=True, return_dict=False)
    )
    best = best_copy(model, chats, lambda done, layers: progress(f"{name}: layer {done} of {layers}"))
    add_rows(name, 4 + 16 / GROUP, logits_of(best))
    return rows


def load_floats(path: Path) -> tuple[Any, Any]:
    """The model of a GGUF file in float32, and its tokenizer."""
    transformers.utils.logging.set_verbosity_error()
    folder, name = path.parent, path.name
    config = transformers.AutoConfig.from_pretrained(folder, gguf_file=name, local_files_only=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, gguf_file=name, local_files_only=True)
    # from_pretrained would need accelerate to open such a file.
    with torch.device("meta"):
        model = transformers.LlamaForCausalLM(config)
    weights = load_gguf_checkpoint(str(path), return_tensors=True, model_to_load=model)["tensors"]
    model.to_empty(device="cpu")
    model.model.rotary_emb = type(model.model.rotary_emb)(config=config)
    model.load_state_dict({"lm_head.weight": weights["model.embed_tokens.weight"], **weights})
    model.tie_weights()
    return model.eval(), tokenizer


def permute(model: Any, seed: int) -> None:
    """Reorders a Llama's channels, which does not change what it computes.

    The file's weights were rounded in groups of neighbours; now other weights share a group. The residual stream, each
    MLP's own channels and the values within a head are shuffled; queries and keys depend on their position.
    """
    random, config = torch.Generator().manual_seed(seed), model.config
    stream = torch.randperm(config.hidden_size, generator=random)
    with torch.inference_mode():
        # A tied head is the same parameter as the embedding: each parameter is reordered once.
        for weight in {id(w): w for w in (model.model.embed_tokens.weight, model.lm_head.weight)}.values():
            weight.copy_(weight[:, stream])
        model.model.norm.weight.copy_(model.model.norm.weight[stream])
        for layer in model.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            for norm in (layer.input_layernorm, layer.post_attention_layernorm):
                norm.weight.copy_(norm.weight[stream])
            inner = torch.randperm(config.intermediate_size, generator=random)
            values, outputs = _head_orders(attention.head_dim, config, random)
            _reorder(attention.q_proj, columns=stream)
            _reorder(attention.k_proj, columns=stream)
            _reorder(attention.v_proj, rows=values, columns=stream)
            _reorder(attention.o_proj, rows=stream, columns=outputs)
            _reorder(mlp.gate_proj, rows=inner, columns=stream)
            _reorder(mlp.up_proj, rows=inner, columns=stream)
            _reorder(mlp.down_proj, rows=stream, columns=inner)


def _reorder(linear: Any, rows: Any = slice(None), columns: Any = slice(None)) -> None:
    linear.weight.copy_(linear.weight[rows][:, columns])


def _head_orders(size: int, config: Any, random: torch.Generator) -> tuple[torch.Tensor, torch.Tensor]:
    """Orders of all values, and of the attention's outputs, where several heads share one head's values."""
    orders = [torch.randperm(size, generator=random) for _ in range(config.num_key_value_heads)]
    per_value = config.num_attention_heads // config.num_key_value_heads
    values = torch.cat([head * size + order for head, order in enumerate(orders)])
    return values, torch.cat([head * size + orders[head // per_value] for head in range(config.num_attention_heads)])


def logits_of(model: Any) -> Logits:
    """The logits of a transformers model."""

    def logits(ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            scores: torch.Tensor = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
        return scores

    return logits


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


def quality(compared: torch.Tensor) -> dict[str, Any]:
    """Means over positions: KL(reference || other) in nats, equal best tokens, the other's perplexity.

    NaN where there are no positions.
    """
    divergence, agreed, surprise = compared.unbind(1)
    return {
        "positions": len(compared),
        "kl": divergence.mean().item(),
        "same_top_share": agreed.mean().item(),
        "perplexity": surprise.nanmean().exp().item(),
    }


def schemes() -> list[Scheme]:
    """This project's schemes and, for comparison, llama.cpp's."""
    return [
        Scheme("int8", 8.0, lambda weight: round8(weight).floats()),
        *(
            Scheme(f"int4, groups of {group}", 4 + 16 / group, _in_groups(group), partial(as_quantized, group=group))
            for group in GROUPS
        ),
        Scheme("llama.cpp Q4_0", 4.5, _by_gguf(GGMLQuantizationType.Q4_0)),
        Scheme("llama.cpp Q4_1", 5.0, _by_gguf(GGMLQuantizationType.Q4_1)),
    ]


def _in_groups(group: int) -> Rounding:
    # A small model's rows are not always a multiple of 128.
    return lambda weight: round4(weight, fitting_group(weight.shape, group)).floats()


def _by_gguf(kind: Any) -> Rounding:
    return lambda weight: torch.from_numpy(dequantize(quantize(weight.float().numpy(), kind), kind).copy())


def rounded_copy(model: Any, scheme: Scheme) -> Any:
    """The model with every Linear of its layers rounded, and its output layer."""
    other = _with_output(model, scheme.output)
    for module in other.model.layers.modules():
        if isinstance(module, torch.nn.Linear):
            weight = module.weight.data
            module.weight.data = scheme.apply(weight.float()).to(weight.dtype)
            assert module.weight.shape == weight.shape
    return other


def best_copy(model: Any, sequences: Sequence[Sequence[int]], progress: Callable[[int, int], None]) -> Any:
    """The same with calibrated rounding (`quantize --best`)."""
    other = _with_output(model, as_quantized)
    for name, rounded in calibrated(copy.deepcopy(model), sequences, GROUP, progress=progress):
        other.get_submodule(name).weight.data = rounded.floats().to(torch.bfloat16)
    return other


def _with_output(model: Any, output: Callable[[torch.Tensor], torch.nn.Module]) -> Any:
    other = copy.deepcopy(model)
    # A module of its own: a tied embedding stays in floats.
    other.lm_head = output(model.lm_head.weight.data)
    return other
