"""Trains a LoRA on preferences with TRL's DPO; the packages are those of requirements-tune.txt."""

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from arena.errors import InputError, os_error_as
from arena.types import ModelSpec

PREFERENCES = "preferences.jsonl"  # in the zip that `export` writes
_TEXTS = ("prompt", "chosen", "rejected")
_SEED = 7


@dataclass(frozen=True)
class Training:
    """The settings of a training; `beta` is DPO's, larger ones keep closer to the base."""

    epochs: float = 1.0
    learning_rate: float = 1e-5
    rank: int = 16
    beta: float = 0.1
    max_tokens: int = 1024


@dataclass(frozen=True)
class Tuned:
    """What a training did: pairs, steps, and the loss and the share of pairs told apart at its begin and end."""

    pairs: int
    steps: int
    loss: tuple[float, float]
    accuracy: tuple[float, float]


def read_preferences(path: Path) -> list[dict[str, Any]]:
    """The pairs in a preferences.jsonl, or in the zip that holds one. Raises InputError."""
    message = f"{path} cannot be read"
    with os_error_as("preferences_unreadable", message, path=str(path)):
        try:
            if zipfile.is_zipfile(path):
                with zipfile.ZipFile(path) as archive:
                    text = archive.read(PREFERENCES).decode()
            else:
                text = path.read_text(encoding="utf-8")
            # Not splitlines: a text may hold other line ends, as they are.
            rows = map(json.loads, filter(None, text.split("\n")))
            pairs = [{name: row[name] for name in _TEXTS} for row in rows]
        except (ValueError, KeyError, TypeError) as error:
            text = f"{path} holds no preferences; name a {PREFERENCES}, or the zip that export writes."
            raise InputError("preferences_none", text, path=str(path)) from error
    if not pairs:
        message = f"{path} holds no pair of answers of which raters preferred one."
        raise InputError("preferences_empty", message, path=str(path))
    return pairs


def check_base(spec: ModelSpec) -> None:
    """Raises InputError for a model that cannot be trained here."""
    is_original = spec.family in ("qwen", "chatglm")  # transformers would need their own code
    if spec.runtime != "transformers" or spec.precision not in ("bf16", "fp32") or is_original or spec.adapter:
        message = f"{spec.id} cannot be trained: a folder in a layout of transformers with original weights is needed."
        raise InputError("tune_unfit", message, model=spec.id)


def tune(base: Path, pairs: Sequence[Mapping[str, Any]], adapter: Path, training: Training) -> Tuned:
    """Trains on the pairs and writes the adapter's folder; on a GPU if there is one. Raises InputError."""
    try:
        trainer = _trainer(base, pairs, adapter, training)
    except ImportError as error:
        message = f"{error.name} is not installed: python -m pip install -r requirements-tune.txt"
        raise InputError("tune_library", message, name=error.name) from error
    except (OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            "tune_unloadable", f"{base} cannot be loaded: {reason}", path=str(base), reason=reason
        ) from error
    trainer.train()
    with os_error_as("tune_unwritable", f"The adapter cannot be written to {adapter}", path=str(adapter)):
        trainer.model.save_pretrained(adapter)
    logs = [entry for entry in trainer.state.log_history if "rewards/accuracies" in entry]
    losses, accuracies = ([entry[name] for entry in logs] for name in ("loss", "rewards/accuracies"))
    ends = (losses[0], losses[-1]), (accuracies[0], accuracies[-1])
    return Tuned(len(pairs), trainer.state.global_step, *ends)


def _trainer(base: Path, pairs: Sequence[Mapping[str, Any]], adapter: Path, training: Training) -> Any:
    import torch
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    has_gpu = torch.cuda.is_available()
    # Otherwise transformers would ask in the terminal whether to run a checkpoint's own code.
    safe: dict[str, Any] = {"trust_remote_code": False, "use_safetensors": True}
    dtype = torch.bfloat16 if has_gpu else torch.float32
    return DPOTrainer(
        AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **safe),
        args=DPOConfig(
            output_dir=str(adapter),
            num_train_epochs=training.epochs,
            learning_rate=training.learning_rate,
            beta=training.beta,
            max_length=training.max_tokens,
            per_device_train_batch_size=1,
            gradient_accumulation_steps=8,
            gradient_checkpointing=has_gpu,
            bf16=has_gpu,
            use_cpu=not has_gpu,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            seed=_SEED,
        ),
        train_dataset=Dataset.from_list(list(pairs)),
        processing_class=AutoTokenizer.from_pretrained(base, trust_remote_code=False),
        peft_config=LoraConfig(r=training.rank, lora_alpha=2 * training.rank, target_modules="all-linear"),
    )
