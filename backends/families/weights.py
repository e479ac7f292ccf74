"""Loads the weights of a checkpoint folder into transformers' own classes.

Nothing from the folder is executed: .bin files are read as plain data, and code beside the weights is ignored. Tensors
that do not fit are refused, since the library would fill the gaps with random numbers.
"""

import threading
import types
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.conversion_mapping import get_checkpoint_conversion_mapping, register_checkpoint_conversion_mapping
from transformers.core_model_loading import Concatenate, ConversionOps, MergeModulelist, WeightConverter, WeightRenaming

from backends.families import original_family, qwen35
from backends.families.experts import is_expert, with_experts
from backends.families.support import checked_support
from backends.folder.checkpoint import first_line, refusal
from backends.folder.contents import Checkpoint, read_checkpoint
from backends.machine.pages import release

# Without fp16: no fast and safe fp16 sums on a CPU.
DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
# The library loads through process-wide settings (the default dtype, the table of renamings): two concurrent loads
# could get the other's precision or lose their weights.
_LOADING = threading.Lock()
QKV_PARTS = ("q_proj", "k_proj", "v_proj")


class SplitQKV(ConversionOps):  # type: ignore[misc]
    """Splits one matrix of queries, keys and values into three."""

    def convert(
        self, input_dict: dict[str, Any], source_patterns: list[str], target_patterns: list[str], **kwargs: Any
    ) -> dict[str, Any]:
        value = next(iter(input_dict.values()))
        whole = value[0] if isinstance(value, list) else value
        parts = (part.contiguous() for part in split_qkv(whole, kwargs["config"]))
        return dict(zip(target_patterns, parts, strict=True))

    @property
    def reverse_op(self) -> Any:
        """The inverse, which the library asks for and nothing here uses."""
        return Concatenate(dim=0)


@dataclass(frozen=True)
class Architecture:
    """A folder, its configuration for transformers, and the family module of an original."""

    checkpoint: Checkpoint
    config: Any
    family: types.ModuleType | None


def heads_of(config: Any) -> tuple[int, int, int]:
    """The numbers of query heads and key-value heads, and the size of a head."""
    heads = config.num_attention_heads
    size = getattr(config, "head_dim", None) or config.hidden_size // heads
    return heads, getattr(config, "num_key_value_heads", None) or heads, size


def architecture_of(folder: Path) -> Architecture:
    """The architecture that the folder's config.json describes. Raises ArenaError."""
    # Its warnings are not for people who run a model, and its errors are raised here.
    transformers.utils.logging.set_verbosity_error()
    checkpoint = read_checkpoint(folder)
    checked_support(checkpoint, checkpoint.packed.precision if checkpoint.packed else "")
    family = original_family(checkpoint.model_type)
    if family is None:
        return Architecture(checkpoint, _native_config(folder, checkpoint.model_type), None)
    arguments = family.model_config(checkpoint.config)
    return Architecture(checkpoint, getattr(transformers, f"{family.MODEL_CLASS}Config")(**arguments), family)


def load_weights(architecture: Architecture, precision: str) -> Any:
    """The model in `precision`. Raises BackendError."""
    model, files = map_weights(architecture)
    stored, dtype = model.dtype, DTYPES[precision]
    if stored != dtype:
        convert(model, dtype, files, stored)
        model.config.dtype = dtype
    return model.eval()


def map_weights(architecture: Architecture, experts: bool = False) -> tuple[Any, tuple[Path, ...]]:
    """The model with its weights memory-mapped from the files but not read yet, and the files. Raises BackendError.

    With `experts` these are matrices (`families.experts`), and mapped as well; the library would stack them in memory.
    """
    folder, weights = architecture.checkpoint.folder, architecture.checkpoint.weights()
    # The page shows the progress.
    transformers.utils.logging.disable_progress_bar()
    try:
        with _LOADING:
            model_class = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(architecture.config)]
            if architecture.family:
                model_class = _renamed_class(architecture.family, model_class)
            elif architecture.config.model_type == qwen35.TEXT_TYPE:
                model_class = _text_class(model_class)
            elif experts and any(map(is_expert, weights.tensors or ())):
                model_class = _experts_class(model_class, architecture.config.model_type)
            model, info = model_class.from_pretrained(
                folder,
                config=architecture.config,
                # As stored, so that everything is mapped and nothing read yet.
                dtype="auto",
                attn_implementation="sdpa",
                use_safetensors=weights.tensors is not None,
                weights_only=True,
                local_files_only=True,
                # Lists tensors of another size as mismatched, to be refused below by name.
                ignore_mismatched_sizes=True,
                output_loading_info=True,
            )
    except Exception as error:
        raise refusal(folder.name, first_line(error)) from error
    for kind in ("missing", "unexpected", "mismatched"):
        # Mismatched keys come with both shapes.
        if keys := sorted(key if isinstance(key, str) else key[0] for key in info[f"{kind}_keys"]):
            raise refusal(folder.name, f"{kind} tensors: {len(keys)}, the first is {keys[0]}")
    if info.get("error_msgs"):
        raise refusal(folder.name, str(info["error_msgs"][0]).splitlines()[0])
    return with_experts(model) if experts else model, weights.files


def bare_model(architecture: Architecture) -> Any:
    """The library's model in bfloat16 without weights or other state of its files. Raises BackendError.

    What depends on its configuration only is computed.
    """
    try:
        with _LOADING, torch.device("meta"):
            model_class = transformers.MODEL_FOR_CAUSAL_LM_MAPPING[type(architecture.config)]
            model = model_class._from_config(architecture.config, attn_implementation="sdpa", dtype=torch.bfloat16)
        for module in model.modules():
            _compute_tables(model, module)
        wide = (*(model._keep_in_fp32_modules_strict or ()), *qwen35.FLOAT32)
        for name, value in model.state_dict(keep_vars=True).items():
            if value.is_floating_point() and any(part in name for part in wide):
                value.data = value.data.float()
    except Exception as error:
        raise refusal(architecture.checkpoint.folder.name, first_line(error)) from error
    return model


def _compute_tables(model: Any, module: Any) -> None:
    """Lets the library compute the buffers that are in no file, such as tables of angles. Raises ValueError."""
    tables = [name for name, value in module._buffers.items() if value is not None and value.is_meta]
    tables = [name for name in tables if name in module._non_persistent_buffers_set]
    for name in tables:
        old = module._buffers[name]
        module._buffers[name] = torch.full(old.shape, torch.nan if old.is_floating_point() else 0, dtype=old.dtype)
    if tables:
        model._init_weights(module)
    for name in tables:
        if module._buffers[name].isnan().any():
            raise ValueError(f"the library does not compute {type(module).__name__}.{name}")


def own_state(module: Any) -> dict[str, torch.Tensor]:
    """The module's own parameters, and the buffers that a checkpoint holds, by name."""
    buffers = {name: value for name, value in module._buffers.items() if name not in module._non_persistent_buffers_set}
    return {name: value for name, value in {**module._parameters, **buffers}.items() if value is not None}


def convert(module: Any, dtype: torch.dtype, files: Sequence[Path], stored: torch.dtype | None = None) -> None:
    """Converts the parameters (those of dtype `stored`) one by one, and drops each one's pages of the files.

    Some stay in 32 bits. The library would convert while loading, with model and files in memory at the same time.
    """
    for name, parameter in module.named_parameters():
        if parameter.dtype != dtype and stored in (None, parameter.dtype) and not name.endswith(qwen35.FLOAT32):
            old = parameter.data
            parameter.data = old.to(dtype)
            release(old, files)


def _native_config(folder: Path, model_type: str) -> Any:
    mapping = transformers.CONFIG_MAPPING
    # An older library may not have the type; it would look for code in the folder.
    if model_type not in mapping:
        raise refusal(folder.name, f"transformers {transformers.__version__} does not know the type {model_type!r}")
    try:
        config = transformers.AutoConfig.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
        if model_type != qwen35.MODEL_TYPE:
            return config
        text = config.get_text_config()
        qwen35.state_bytes(text.to_dict())
    except Exception as error:
        raise refusal(folder.name, first_line(error)) from error
    # The published files say it outside the text part.
    text.tie_word_embeddings = text.tie_word_embeddings or config.tie_word_embeddings
    return text


@cache
def _renamed_class(family: types.ModuleType, plain: Any) -> Any:
    """A subclass with a name of its own: the library finds the renaming of tensors by the class name."""
    name = f"Original{family.MODEL_CLASS}"
    renames = [WeightRenaming(old, new) for old, new in family.RENAMES.items()]
    split = WeightConverter(family.QKV, [f".self_attn.{part}." for part in QKV_PARTS], [SplitQKV()])
    register_checkpoint_conversion_mapping(name, [*renames, split], overwrite=True)
    ignored = {"_keys_to_ignore_on_load_unexpected": list(family.DROPPED)}
    return type(name, (plain,), ignored)


@cache
def _text_class(plain: Any) -> Any:
    """A subclass for a text part that loads some parameters in 32 bits; the library would round them."""
    name = f"TextOf{plain.__name__}"
    register_checkpoint_conversion_mapping(name, [WeightRenaming(*qwen35.RENAME)], overwrite=True)
    kept = {parameter.removesuffix(".weight") for parameter in qwen35.FLOAT32}
    return type(name, (plain,), {"_keep_in_fp32_modules_strict": kept})


@cache
def _experts_class(plain: Any, model_type: str) -> Any:
    """A subclass whose experts are matrices, as in the published files; the library would stack copies of them."""
    name = f"ExpertsOf{plain.__name__}"
    mapping: list[Any] = []
    for rule in get_checkpoint_conversion_mapping(model_type) or ():
        if isinstance(rule, WeightConverter) and isinstance(rule.operations[0], MergeModulelist):
            parts = ("gate_proj", "up_proj") if len(rule.source_patterns) == 2 else ("down_proj",)
            stored = (pattern.split(".")[-2] for pattern in rule.source_patterns)
            names = zip(stored, parts, strict=True)
            mapping += [WeightRenaming(rf"\.{old}\.weight$", f".{new}.weight") for old, new in names if old != new]
        else:
            mapping.append(rule)
    register_checkpoint_conversion_mapping(name, mapping, overwrite=True)

    def build(self: Any, config: Any) -> None:
        plain.__init__(self, config)
        with_experts(self)

    return type(name, (plain,), {"__init__": build})


def split_qkv(matrix: torch.Tensor, config: Any) -> Sequence[torch.Tensor]:
    """The rows of a matrix of queries, keys and values, in these three parts."""
    heads, kv_heads, size = heads_of(config)
    parts: Sequence[torch.Tensor] = matrix.split([heads * size, kv_heads * size, kv_heads * size], dim=0)
    return parts
