"""Decides from the small files of a checkpoint folder whether it runs here, and up to which context it is exact.

No other place has a rule of this kind. A model type is added to support.toml once `tests/families.py` has compared it
with the library's own code.
"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import ErrorInfo, InputError
from arena.types import ContextLimit
from backends.families import original_family
from backends.folder import DEFAULT_CONTEXT
from backends.folder.checkpoint import QUANTIZED, positive, text_part
from backends.folder.contents import Checkpoint

GGUF_OR_SERVER = ErrorInfo("instead_gguf_or_server", "Use a GGUF file of it, or a server (openai:BASE_URL#MODEL)")
_ORIGINAL_WEIGHTS = ErrorInfo("instead_original", "Use the folder with the original weights, or a GGUF file")
_IN_FLOATS = ErrorInfo("instead_floats", "Use bf16 or fp32, or a GGUF file")
_CHAT_MODEL = ErrorInfo("instead_chat", "Use the chat model that was made from it, or add its chat_template.jinja")


@dataclass(frozen=True)
class Support:
    """Whether a checkpoint runs here.

    `context` is the tokens up to which answers are exact; `limit` is what ends it before the context that config.json
    claims, "" if nothing does. `refused` is why the model cannot run, None if it can; `unpacked` why only in bf16
    or fp32; `way_out` is what to use instead.
    """

    context: int = 0
    limit: ContextLimit = ""
    refused: ErrorInfo | None = None
    unpacked: ErrorInfo | None = None
    way_out: ErrorInfo | None = None


@dataclass(frozen=True)
class _Kind:
    """A model type that was compared, with the defaults of its class for what config.json may leave out.

    `window` is the sliding window; with `opt_in` it counts only if use_sliding_window is true. `chunk` is the size of
    attention chunks. `layers` are kinds of layers beside those of attention. `packs` is whether int4 and int8 were
    compared as well, `nested` whether the text model's configuration lies in text_config.
    """

    window: int | None = None
    opt_in: bool = False
    chunk: int | None = None
    layers: Sequence[str] = ()
    packs: bool = True
    nested: bool = False


_NO_TEMPLATE = ErrorInfo("unsupported_base", "it has no chat template, so it is a base model and not a chat model")
_REASONS = {
    "sinks": ErrorInfo("unsupported_sinks", "its attention has sinks, which are not computed here"),
    "softcap": ErrorInfo(
        "unsupported_softcap", "its attention scores are capped (softcap), which is not computed here"
    ),
    "states": ErrorInfo(
        "unsupported_states",
        "some of its layers keep a state (Mamba, convolution or linear attention), which is not kept here",
    ),
    "latent": ErrorInfo(
        "unsupported_latent", "its attention compresses keys and values (MLA), which is not computed here"
    ),
    "alibi": ErrorInfo("unsupported_alibi", "it tells positions apart by ALiBi, which is not computed here"),
    "pictures": ErrorInfo(
        "unsupported_pictures", "its folder holds a model for pictures or sound; the text part in it was not compared"
    ),
}
_TYPES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
COMPARED = {name: _Kind(**kind) for name, kind in _TYPES["compared"].items()}
REFUSED = {name: _REASONS[reason] for reason, names in _TYPES["refused"].items() for name in names}
# Settings that any type may have, and that change what is computed.
_SETTINGS = {
    "attn_logit_softcapping": _REASONS["softcap"],
    "alibi": _REASONS["alibi"],
    "use_bidirectional_attention": ErrorInfo("unsupported_bidirectional", "its tokens see those after them"),
}
_SLIDING = "sliding_attention"
# Positions that change for the whole conversation once it is longer than the training context.
_UNSTEADY = ("dynamic", "longrope", "su")


def support_of(checkpoint: Checkpoint) -> Support:
    """Whether the checkpoint runs here, decided before any weight is read."""
    config = checkpoint.config
    for key in QUANTIZED:
        if config.get(key):
            quantized = ErrorInfo("unsupported_quantized", f"the weights are quantized ({key})", {"key": key})
            return Support(refused=quantized, way_out=_ORIGINAL_WEIGHTS)
    if family := original_family(checkpoint.model_type):
        try:
            if remedy := family.not_the_chat_model(checkpoint):
                return Support(refused=remedy[0], way_out=remedy[1])
            length = family.model_config(config)["max_position_embeddings"]
        except ValueError as error:
            words = str(error)
            return Support(refused=ErrorInfo("unsupported_value", words, {"reason": words}), way_out=GGUF_OR_SERVER)
        return Support(length)
    name = checkpoint.model_type
    kind = COMPARED.get(name)
    if kind is None:
        message = f"models of the type {name!r} were never compared here with the library's own code"
        never = ErrorInfo("unsupported_type", message, {"type": name})
        return Support(refused=REFUSED.get(name, never), way_out=GGUF_OR_SERVER)
    if not checkpoint.may_chat:
        return Support(refused=_NO_TEMPLATE, way_out=_CHAT_MODEL)
    text = text_part(config) if kind.nested else config
    if reason := _setting(text, kind):
        return Support(refused=reason, way_out=GGUF_OR_SERVER)
    claimed = positive(text.get("max_position_embeddings")) or DEFAULT_CONTEXT
    context, limit = min([(claimed, ""), *_limits(text, kind)], key=lambda pair: pair[0])
    if kind.packs:
        return Support(context, limit)
    message = f"models of the type {name!r} were compared in bf16 and fp32 only"
    unpacked = ErrorInfo("unsupported_packed", message, {"type": name})
    return Support(context, limit, unpacked=unpacked, way_out=_IN_FLOATS)


def checked_support(checkpoint: Checkpoint, precision: str, name: str = "") -> Support:
    """The support of a checkpoint in this precision. Raises InputError with the reason and a way out.

    `name` is what the error calls it, by default the name of its folder.
    """
    support = support_of(checkpoint)
    if reason := support.refused or (support.unpacked if precision in ("int4", "int8") else None):
        name = name or checkpoint.folder.name
        message = f"{name} cannot run here: {reason}. {support.way_out}."
        raise InputError("model_unsupported", message, model=name, reason=reason, way_out=support.way_out)
    return support


def _setting(config: Mapping[str, Any], kind: _Kind) -> ErrorInfo | None:
    """Why the first setting or kind of layer that is not supported is not; None if there is none."""
    for key, reason in _SETTINGS.items():
        if config.get(key):
            return reason
    for special in sorted(_layer_kinds(config) - {"full_attention", _SLIDING, *kind.layers}):
        message = f"its layers are of an unsupported kind: {special}"
        return ErrorInfo("unsupported_layers", message, {"kind": special})
    return None


def _limits(config: Mapping[str, Any], kind: _Kind) -> Iterator[tuple[int, ContextLimit]]:
    """What ends the exact context, in tokens."""
    kinds = _layer_kinds(config)
    wanted = config.get("use_sliding_window") is True if kind.opt_in else True
    if wanted and (_SLIDING in kinds or not kinds) and (window := positive(config.get("sliding_window", kind.window))):
        yield window, "window"
    if kind.chunk and (chunk := positive(config.get("attention_chunk_size", kind.chunk))):
        yield chunk, "window"
    rope = config.get("rope_parameters") or config.get("rope_scaling")
    rope = rope if isinstance(rope, dict) else {}
    # Some models have other positions in each kind of layer.
    for table in (rope, *(inner for inner in rope.values() if isinstance(inner, dict))):
        if table.get("rope_type", table.get("type")) in _UNSTEADY:
            name = "original_max_position_embeddings"
            for length in filter(None, map(positive, (table.get(name), config.get(name)))):
                yield length, "positions"


def _layer_kinds(config: Mapping[str, Any]) -> set[str]:
    kinds = config.get("layer_types")
    return set(map(str, kinds)) if isinstance(kinds, list) else set()
