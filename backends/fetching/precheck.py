"""Decides from the small files of a download, or from the head of its GGUF file, whether the model runs here."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from arena.errors import InputError
from backends.families.support import checked_support
from backends.folder.contents import read_checkpoint
from backends.folder.gguf import GgufHead, checked_template, quantization_of
from backends.folder.manifest import Manifest
from backends.machine.memory import limit_bytes
from backends.memory.estimate import PACKED_SHARES, head_needs, planned_needs
from backends.models.downloads import Download

# The context, in tokens, for which a machine must have the memory.
_TOKENS = 1024


@dataclass(frozen=True)
class Precheck:
    """The check of one download; `weigh` gets the bytes of memory that it needs, by precision."""

    model: Download
    precision: str
    manifest: Manifest
    weigh: Callable[[Mapping[str, int]], None]

    def folder(self, folder: Path) -> None:
        """Raises InputError for a model that is not supported, or for which no memory of this size is enough."""
        checkpoint = read_checkpoint(folder)
        support = checked_support(checkpoint, self.precision, self.model.name)
        weights = sum(file.size for file in self.manifest.weights)
        packed = () if support.unpacked else tuple(PACKED_SHARES)
        precisions = (self.precision,) if self.precision else ("bf16", *packed)
        tokens = min(_TOKENS, support.context)
        self._memory({name: planned_needs(checkpoint, weights, name)(tokens).total for name in precisions})

    def head(self, head: GgufHead) -> None:
        """The same for a GGUF file."""
        checked_template(head, self.model.name)
        need = head_needs(head, self.manifest.size)(_TOKENS)
        self._memory({quantization_of(self.model.file) or "GGUF": need.total})

    def _memory(self, needed: Mapping[str, int]) -> None:
        self.weigh(needed)
        total = limit_bytes()
        precision, least = min(needed.items(), key=lambda each: each[1])
        if total and least > total:
            details = {"needed": f"{least / 1e9:.1f}", "total": f"{total / 1e9:.1f}"}
            message = (
                f"{self.model.name} needs {details['needed']} GB of memory even as {precision}, and this machine has "
                f"{details['total']} GB: choose a smaller model."
            )
            raise InputError("fetch_memory", message, model=self.model.name, precision=precision, **details)
