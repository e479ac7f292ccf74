"""Weights of a checkpoint folder on transformers' own classes. Knows no text and no sampling.

Executes nothing from the folder: .bin files are read as plain data, and code beside the weights is never looked at.
What does not fit tensor by tensor is refused, since the library would fill the gaps with random numbers.
"""

from __future__ import annotations

import threading
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.conversion_mapping import register_checkpoint_conversion_mapping
from transformers.core_model_loading import Concatenate, ConversionOps, WeightConverter, WeightRenaming

from arena.errors import BackendError
from backends.families import chatglm, qwen
from backends.folder.checkpoint import Weights, check_links, find_weights, first_line, read_config, refusal
from backends.machine.pages import release

# fp16 is not here: a CPU has no sums in it that are fast and safe.
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
# The library loads by way of settings of the whole process (the default dtype, the table of renamings): of two at a
# time, one would come out in the other's precision or without its weights.
_LOADING = threading.Lock()
_QKV = [".self_attn.q_proj.", ".self_attn.k_proj.", ".self_attn.v_proj."]


class SplitQKV(ConversionOps):  # type: ignore[misc]
    """One matrix of queries, keys and values to three; keys and values may have fewer heads."""

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **kwargs: Any
    ) -> dict[str, Any]:
        """See the library's ConversionOps."""
        config = kwargs["config"]
        value = next(iter(input_dict.values()))
        whole = value[0] if isinstance(value, list) else value
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        sizes = [config.num_attention_heads * size, *2 * [config.num_key_value_heads * size]]
        parts = (part.contiguous() for part in whole.split(sizes, dim=0))
        return dict(zip(target_patterns, parts, strict=True))

    @property
    def reverse_op(self) -> Any:
        """What the library would save with; nothing is saved here."""
        return Concatenate(dim=0)


@dataclass(frozen=True)
class Architecture:
    """The library's class for a model and its configuration; `renamed` is the class that reads an original's tensors.

    The classes are made when they are asked for: importing them takes a while.
    """

    config: Any
    plain: Callable[[], Any]
    renamed: Callable[[], Any]


def architecture_of(folder: Path) -> Architecture:
    """What the folder's config.json describes. Raises BackendError."""
    check_links(folder)
    config = read_config(folder)
    family = {"qwen": qwen, "chatglm": chatglm}.get(config["model_type"])
    if family is None:
        native = _native_config(folder)
        return Architecture(native, lambda: _chat_models()[type(native)], lambda: _chat_models()[type(native)])
    arguments = family.model_config(config, folder.name)
    settings = getattr(transformers, f"{family.MODEL_CLASS}Config")(**arguments)
    return Architecture(
        settings, lambda: getattr(transformers, f"{family.MODEL_CLASS}ForCausalLM"), partial(_class_of, family)
    )


def load_weights(folder: Path, architecture: Architecture, precision: str) -> Any:
    """The model in `precision`. Raises BackendError."""
    model, files = map_weights(folder, architecture)
    _convert(model, DTYPES[precision], files)
    return model.eval()


def map_weights(folder: Path, architecture: Architecture) -> tuple[Any, tuple[Path, ...]]:
    """The model as its files have it, mapped from them and not read yet; and the files. Raises BackendError."""
    weights = find_weights(folder)
    with _LOADING:
        return _read(folder, architecture.renamed(), architecture.config, weights), weights.files


def bare_model(architecture: Architecture, name: str) -> Any:
    """The model in bfloat16 without weights; what depends on the configuration alone is there. Raises BackendError."""
    try:
        with _LOADING, torch.device("meta"):
            model = architecture.plain()._from_config(
                architecture.config, attn_implementation="sdpa", dtype=torch.bfloat16
            )
        for place, module in list(model.named_modules()):
            # Tables of angles are no weights: they are made anew, outside of the empty device.
            if any(buffer.is_meta for buffer in module._buffers.values() if buffer is not None):
                parent, _, own = place.rpartition(".")
                setattr(model.get_submodule(parent), own, type(module)(architecture.config))
    except Exception as error:
        raise refusal(name, first_line(error)) from error
    return model


def _native_config(folder: Path) -> Any:
    """The configuration of a folder of a kind that the library itself knows. Raises BackendError."""
    kind = read_config(folder)["model_type"]
    # Asked first: for a kind that it does not know the library looks for code in the folder.
    if kind not in transformers.CONFIG_MAPPING or transformers.CONFIG_MAPPING[kind] not in _chat_models():
        raise refusal(folder.name, f"transformers {transformers.__version__} knows no chat model of the kind {kind!r}")
    try:
        return transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise refusal(folder.name, first_line(error)) from error


def _chat_models() -> Any:
    """The library's classes by the class of their configuration."""
    return transformers.models.auto.modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING


@cache
def _class_of(family: types.ModuleType) -> Any:
    """A subclass of the library's class. The library finds the renaming by its name, so its own stays untouched."""
    name = f"Original{family.MODEL_CLASS}"
    base = getattr(transformers, f"{family.MODEL_CLASS}ForCausalLM")
    renames = [WeightRenaming(old, new) for old, new in family.RENAMES.items()]
    split = WeightConverter(family.QKV, _QKV, [SplitQKV()])
    register_checkpoint_conversion_mapping(name, [*renames, split], overwrite=True)
    return type(name, (base,), {"_keys_to_ignore_on_load_unexpected": list(family.DROPPED)})


def _read(folder: Path, model_class: Any, config: Any, weights: Weights) -> Any:
    # The page shows that a model is loading, and what does not fit is said below.
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    try:
        model, info = model_class.from_pretrained(
            folder,
            config=config,
            # As in the files, so that all is mapped and nothing read yet.
            dtype="auto",
            attn_implementation="sdpa",
            use_safetensors=weights.safetensors,
            weights_only=True,
            local_files_only=True,
            # Listed as mismatched then, and refused below with its name.
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
    except BackendError:
        raise
    except Exception as error:
        raise refusal(folder.name, first_line(error)) from error
    for kind in ("missing", "unexpected", "mismatched"):
        # What is mismatched comes with both shapes.
        if found := sorted(key if isinstance(key, str) else key[0] for key in info[f"{kind}_keys"]):
            raise refusal(folder.name, f"{kind} tensors: {len(found)}, the first is {found[0]}")
    if info.get("error_msgs"):
        raise refusal(folder.name, str(info["error_msgs"][0]).splitlines()[0])
    return model


def _convert(model: Any, wanted: torch.dtype, files: Sequence[Path]) -> None:
    """Bring the weights into the wanted precision one by one, each letting go of its part of the file at once.

    The library would do it while loading, and have model and files in memory together: twice the model.
    """
    stored = model.dtype
    if stored == wanted:
        return
    for parameter in model.parameters():
        if parameter.dtype == stored:
            old = parameter.data
            parameter.data = old.to(wanted)
            release(old, files)
    model.config.dtype = wanted
