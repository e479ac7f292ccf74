"""Runs several conversations in one pass through a stock transformers model.

The new tokens of all rows form one sequence with positions of their own; only attention is computed row by row. So no
row needs padding, and rows can join and leave between two steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.cache_utils import Cache
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface

from backends.machine.pages import return_freed
from backends.stepping import ROWS
from backends.stepping.cache import TokenCache
from backends.stepping.delta import with_delta_rows
from backends.stepping.step import DecodeAttention, LayerRows, RowsLayer, Step

_NAME = "rows"


def stock_rows(model: Any) -> Rows:
    """A model with the library's own linear layers.

    Where the processor multiplies bf16 matrices, eight rows take as long as one. In fp32 a single row is bitwise what
    the original code computes, and eight are not.
    """
    fast = torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return Rows(model, ROWS if model.dtype == torch.bfloat16 and fast else None)


class Rows:
    """A model that reads chunks of prompts and continues several conversations by one token each.

    The library's linear layers sum in an order that depends on the number of rows. For a conversation to be bitwise
    the same alone and beside others, a decode step always has at least `width` rows; with None each row is a pass of
    its own. Layers whose result does not depend on the other rows take a width of 1.

    `decode_attention(queries, parts, scaling)` computes the attention of passes in which every row has one new token:
    queries are [1, heads, rows, size], parts each row's keys and values [heads, tokens, size] with the new token, the
    result is [1, rows, heads, size].
    """

    def __init__(self, model: Any, width: int | None, decode_attention: DecodeAttention | None = None) -> None:
        AttentionInterface.register(_NAME, rows_attention)
        # The library makes no mask: each row has its own.
        AttentionMaskInterface.register(_NAME, lambda *_, **__: None)
        model.set_attn_implementation(_NAME)
        self.model = with_delta_rows(model)
        self._width = width
        self._step = Step(decode_attention)
        layers = range(model.config.get_text_config().num_hidden_layers)
        self._cache = Cache(layers=[RowsLayer(self._step, layer) for layer in layers])

    def read(self, cache: TokenCache, ids: Sequence[int], last: int = 1) -> torch.Tensor:
        """Scores [last, vocabulary] after the last of `ids` (0: after each of them), a chunk of a prompt."""
        scores = self._forward([cache], [ids], len(ids), last)
        # A chunk allocates blocks of many sizes; fragmentation would grow by hundreds of MB in a few chunks.
        return_freed()
        return scores

    def decode(self, caches: Sequence[TokenCache], ids: Sequence[int]) -> torch.Tensor:
        """Scores [rows, vocabulary] after another id in each conversation."""
        if self._width is None:
            pairs = zip(caches, ids, strict=True)
            return torch.cat([self._forward([cache], [[token]], 1, 0) for cache, token in pairs])
        return self._forward(caches, [[token] for token in ids], self._width, 0)[: len(ids)]

    def _forward(
        self, caches: Sequence[TokenCache], ids: Sequence[Sequence[int]], width: int, last: int
    ) -> torch.Tensor:
        tokens = [token for row in ids for token in row]
        places = [cache.n + number for cache, row in zip(caches, ids, strict=True) for number in range(len(row))]
        # Filler rows have no cache and attend to nothing; their scores are discarded.
        filler = [0] * (width - len(tokens))
        step = self._step
        step.caches, step.counts = caches, [len(row) for row in ids]
        step.masks = [_mask(cache.n, len(row)) for cache, row in zip(caches, ids, strict=True)]
        try:
            with torch.inference_mode():
                output = self.model(
                    input_ids=torch.tensor([tokens + filler]),
                    position_ids=torch.tensor([places + filler]),
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=last,
                )
        finally:
            step.caches, step.counts, step.masks = (), (), ()
        for cache, row in zip(caches, ids, strict=True):
            cache.ids += row
        scores: torch.Tensor = output.logits[0]
        return scores


def rows_attention(
    module: Any,
    query: torch.Tensor,
    key: LayerRows,
    value: LayerRows,
    attention_mask: None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention in the form that the library's layers call, one row after the other."""
    step = key.step
    outputs, start = [], 0
    if step.decode and all(count == 1 for count in step.counts):
        start = len(step.counts)
        outputs.append(step.decode(query[:, :, :start], key.parts, scaling or query.shape[-1] ** -0.5))
    else:
        for (keys, values), count, mask in zip(key.parts, step.counts, step.masks, strict=True):
            parts = query[:, :, start : start + count], keys[None], values[None], mask
            if mask is None:
                outputs.append(sdpa_attention_forward(module, *parts, scaling=scaling)[0])
            else:
                # With a mask the library copies keys and values for each head of the queries.
                shared = query.shape[1] > len(keys)
                output = scaled_dot_product_attention(*parts, scale=scaling, enable_gqa=shared)
                outputs.append(output.transpose(1, 2))
            start += count
    if start < query.shape[2]:
        like = outputs[0]
        outputs.append(like.new_zeros(1, query.shape[2] - start, *like.shape[2:]))
    return torch.cat(outputs, 1), None


def _mask(before: int, count: int) -> torch.Tensor | None:
    """The causal mask; None for a single token, which sees all, and at the start, where the library makes it."""
    if count == 1 or before == 0:
        return None
    return torch.ones(count, before + count, dtype=torch.bool).tril(before)[None, None]
