"""Several conversations in one pass through a stock transformers model. Knows keys, values and ids, no sampling.

The new tokens of all rows are one sequence with places of their own; only attention goes row by row. So no row needs
padding, and rows come and go between two steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers import AttentionInterface
from transformers.cache_utils import Cache, DynamicLayer
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import AttentionMaskInterface

from backends.folder.checkpoint import refusal
from backends.machine.pages import return_freed
from backends.stepping.cache import TokenCache
from backends.stepping.sizes import ROWS

DecodeAttention = Callable[[torch.Tensor, Sequence[tuple[torch.Tensor, torch.Tensor]], float], torch.Tensor]
# Keys and values of one conversation in one layer [heads, room, size], and how many tokens they have.
Place = tuple[torch.Tensor, torch.Tensor, int]
_NAME = "rows"


@dataclass
class _Step:
    """What the layers of one pass go by: each row's cache, its new tokens, and its mask if it needs one."""

    caches: Sequence[TokenCache] = ()
    counts: Sequence[int] = ()
    masks: Sequence[torch.Tensor | None] = ()
    decode: DecodeAttention | None = None


@dataclass(frozen=True)
class _LayerRows:
    """The keys and values of each row in one layer, in place of the one tensor that a model expects."""

    step: _Step
    parts: Sequence[tuple[torch.Tensor, torch.Tensor]]


class _RowsLayer(DynamicLayer):  # type: ignore[misc]
    """One layer of the library's cache that hands every row's part to the row's own cache."""

    def __init__(self, step: _Step, layer: int) -> None:
        super().__init__()
        self.is_initialized = True
        self._step, self._layer = step, layer

    def get_seq_length(self) -> int:
        return 0

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        return query_length, 0

    def update(self, keys: torch.Tensor, values: torch.Tensor, *_: Any, **__: Any) -> tuple[_LayerRows, _LayerRows]:
        parts, start = [], 0
        for cache, count in zip(self._step.caches, self._step.counts, strict=True):
            new = slice(start, start + count)
            parts.append(cache.write(self._layer, keys[0, :, new], values[0, :, new]))
            start += count
        rows = _LayerRows(self._step, parts)
        return rows, rows

    def new_places(self) -> list[Place] | None:
        """As the function of that name."""
        step = self._step
        if any(count != 1 for count in step.counts) or not all(cache.n for cache in step.caches):
            return None
        return [(*cache.places(self._layer), cache.n) for cache in step.caches]


def new_places(cache: Any, layer: int) -> list[Place] | None:
    """Where each row's one new token goes in a layer, for who writes it there; None in all other passes and caches."""
    own = cache.layers[layer] if isinstance(cache, Cache) else None
    return own.new_places() if isinstance(own, _RowsLayer) else None


def stock_width(dtype: torch.dtype) -> int | None:
    """The width that the library's own linear layers need, see Rows.

    In bf16 eight rows take as long as one, where the processor multiplies matrices in it. In fp32 one row by itself is
    bitwise what the original code computes, and eight are not.
    """
    fast = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return ROWS if dtype == torch.bfloat16 and fast else None


def stock_rows(model: Any) -> Rows:
    """A model as the library has it."""
    return Rows(model, stock_width(model.dtype))


class Rows:
    """A model that reads pieces of prompts and continues several conversations by one token each.

    Stock linear layers sum in another order when there is another number of rows. So that a conversation's numbers are
    bitwise the same alone and in company, a decode step always has `width` rows, or with None each row is a pass of its
    own. A model whose layers treat every row alike takes a width of 1: as many as there are, in one pass.

    `decode_attention(queries, parts, scaling)` may do the attention of passes in which every row has one new token:
    queries are [1, heads, rows, size], parts each row's keys and values [heads, tokens, size] with the new token, the
    result [1, rows, heads, size].
    """

    def __init__(self, model: Any, width: int | None, decode_attention: DecodeAttention | None = None) -> None:
        AttentionInterface.register(_NAME, rows_attention)
        AttentionMaskInterface.register(_NAME, _no_mask)
        model.set_attn_implementation(_NAME)
        self.decode_attention = decode_attention
        self.model = model
        self._width = width
        self._layers: int = model.config.get_text_config().num_hidden_layers
        self._step = _Step()
        self._cache = Cache(layers=[_RowsLayer(self._step, layer) for layer in range(self._layers)])

    def new_cache(self, room: int) -> TokenCache:
        """A cache for one conversation of up to `room` tokens."""
        return TokenCache(self._layers, room)

    def read(self, cache: TokenCache, ids: Sequence[int], last: int = 1) -> torch.Tensor:
        """Scores [last, vocabulary] of what follows the last of `ids` (0: each of them), a piece of a prompt."""
        scores = self._forward([cache], [ids], len(ids), last)
        # Blocks of many sizes come and go in a piece, and what lies between them grows by hundreds of MB in a few.
        return_freed()
        return scores

    def decode(self, caches: Sequence[TokenCache], ids: Sequence[int]) -> torch.Tensor:
        """Scores [rows, vocabulary] of what follows one more id in each conversation."""
        if self._width is None:
            pairs = zip(caches, ids, strict=True)
            return torch.cat([self._forward([cache], [[token]], 1, 0) for cache, token in pairs])
        return self._forward(caches, [[token] for token in ids], self._width, 0)[: len(ids)]

    def _forward(
        self, caches: Sequence[TokenCache], ids: Sequence[Sequence[int]], width: int, last: int
    ) -> torch.Tensor:
        tokens = [token for row in ids for token in row]
        places = [cache.n + number for cache, row in zip(caches, ids, strict=True) for number in range(len(row))]
        # Filler rows have no cache and attend to nothing; what comes of them is thrown away.
        filler = [0] * (width - len(tokens))
        step = self._step
        step.caches, step.counts, step.decode = caches, [len(row) for row in ids], self.decode_attention
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
            cache.add(row)
        scores: torch.Tensor = output.logits[0]
        return scores


def rows_attention(
    module: Any,
    query: torch.Tensor,
    key: _LayerRows,
    value: _LayerRows,
    attention_mask: None,
    scaling: float | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as the library's layers ask for it, one row after the other."""
    step = key.step
    found, start = [], 0
    if step.decode and all(count == 1 for count in step.counts):
        start = len(step.counts)
        found.append(step.decode(query[:, :, :start], key.parts, scaling or query.shape[-1] ** -0.5))
    else:
        for (keys, values), count, mask in zip(key.parts, step.counts, step.masks, strict=True):
            queries = query[:, :, start : start + count]
            found.append(sdpa_attention_forward(module, queries, keys[None], values[None], mask, scaling=scaling)[0])
            start += count
    if start < query.shape[2]:
        like = found[0]
        found.append(like.new_zeros(1, query.shape[2] - start, *like.shape[2:]))
    return torch.cat(found, 1), None


def _no_mask(*_: Any, **__: Any) -> None:
    """Rows have masks of their own."""


def _mask(before: int, count: int) -> torch.Tensor | None:
    """Which of the tokens each new one sees; one alone sees all, and from the start the library knows by itself."""
    if count == 1 or before == 0:
        return None
    return torch.ones(count, before + count, dtype=torch.bool).tril(before)[None, None]


def check_attention(config: Any, name: str, context_length: int) -> None:
    """Refuses a model in which a token does not see all that came before it. Raises BackendError."""
    kinds = set(getattr(config, "layer_types", None) or ()) - {"full_attention"}
    if special := sorted(kinds - {"sliding_attention"}):
        raise refusal(name, f"its layers are of a kind that is not run here: {special[0]}")
    window = getattr(config, "sliding_window", None)
    slides = "sliding_attention" in kinds or not getattr(config, "layer_types", None)
    if window and slides and window < context_length:
        raise refusal(name, f"its layers see {window} tokens only, and the context has {context_length}")
