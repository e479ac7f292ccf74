"""The models that rounding is measured on: the embedded chat model as floats, and a small text encoder."""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from backends.packed.kernels import find_kernels
from backends.packed.linear import Linear4, Linear8
from backends.packed.open import quick_rows
from backends.packed.scheme import fitting_group, pack4, round4, round8
from backends.stepping.batched import Rows
from bench.quality import ENCODER_PACKAGE

# From a float matrix to the float matrix that a rounding makes of it.
Rounding = Callable[[torch.Tensor], torch.Tensor]
# From the token ids of one text to logits [len(ids), vocabulary].
Logits = Callable[[Sequence[int]], torch.Tensor]


def load_floats(path: Path) -> tuple[Any, Any]:
    """The model of a GGUF file in float32, and its tokenizer."""
    import transformers
    from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

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


def packed_copy(model: Any, group: int) -> Rows:
    """A copy of a bfloat16 model with every Linear packed, computed by the kernels that the app uses."""
    other, kernels = copy.deepcopy(model), find_kernels()
    for place, module in list(other.named_modules()):
        if isinstance(module, torch.nn.Linear):
            parent, _, own = place.rpartition(".")
            bias = None if module.bias is None else module.bias.data
            if place == "lm_head":
                eight = round8(module.weight.data)
                layer: Any = Linear8((eight.q, eight.scale), bias, kernels)
            else:
                four = round4(module.weight.data, fitting_group(module.in_features, group))
                layer = Linear4(pack4(four), module.out_features, bias, kernels)
            setattr(other.get_submodule(parent), own, layer)
    return quick_rows(other, kernels)


def logits_of(model: Any) -> Logits:
    """The logits of a transformers model."""

    def logits(ids: Sequence[int]) -> torch.Tensor:
        with torch.inference_mode():
            scores: torch.Tensor = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0]
        return scores

    return logits


def prompt_logits(rows: Rows) -> Logits:
    """The text is read as a prompt: many tokens at once, activations in bfloat16."""
    return lambda ids: rows.read(rows.new_cache(len(ids)), ids, 0)


def answer_logits(rows: Rows) -> Logits:
    """The text is read as an answer is written: token by token, activations in 8 bits."""

    def logits(ids: Sequence[int]) -> torch.Tensor:
        cache = rows.new_cache(len(ids))
        return torch.cat([rows.decode([cache], [token]) for token in ids])

    return logits


class Encoder:
    """A float text encoder, whose weights were never rounded before, and its hidden states for fixed texts."""

    def __init__(self, texts: Sequence[str]) -> None:
        import transformers

        # Located, not imported: the package's own code is not needed.
        spec = importlib.util.find_spec(ENCODER_PACKAGE)
        assert spec and spec.submodule_search_locations
        folder = Path(spec.submodule_search_locations[0]) / "model"
        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = transformers.BertModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        self._ids = [tokenizer(text, truncation=True, max_length=512, return_tensors="pt").input_ids for text in texts]
        self._states = self._run(self._model)

    def error(self, rounding: Rounding) -> float:
        """The relative error of the last hidden states when every Linear is rounded."""
        model = copy.deepcopy(self._model)
        with torch.inference_mode():
            for module in model.encoder.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.copy_(rounding(module.weight))
        return float((self._run(model) - self._states).norm() / self._states.norm())

    def _run(self, model: Any) -> torch.Tensor:
        with torch.inference_mode():
            return torch.cat([model(input_ids=ids).last_hidden_state[0] for ids in self._ids])
