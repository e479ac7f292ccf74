"""Rounding a chat model layer by layer, each for what the rounded ones before make of a text. Knows no file format.

Needs memory for one layer at a time: a layer is brought to bfloat16 when its turn comes and dropped after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from backends.mapped import release
from backends.packed.gptq import compensated
from backends.packed.scheme import Rounded4


@dataclass(frozen=True)
class _Run:
    """One sequence on its way: its hidden states, and what the model gives every layer besides."""

    hidden: torch.Tensor
    settings: dict[str, Any]

    def through(self, layer: Any) -> torch.Tensor:
        out = layer(self.hidden, **self.settings)
        hidden: torch.Tensor = out[0] if isinstance(out, tuple) else out
        return hidden


class _Enough(Exception):
    """What was wanted is known; the rest need not be computed."""


def calibrated(
    model: Any,
    sequences: Sequence[Sequence[int]],
    group: int,
    files: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda done, layers: None,
) -> Iterator[tuple[str, Rounded4]]:
    """Yields the name and the rounding of every Linear in the model's layers, in order. Uses the model up.

    `sequences` are token ids to run; `files` are those that the weights are mapped from, if they are. `progress` is
    told how many layers of how many are done.
    """
    layers = model.model.layers
    with torch.inference_mode():
        runs = [_first_run(model, ids) for ids in sequences]
    for number, layer in enumerate(layers):
        progress(number, len(layers))
        _to_bf16(layer, files)
        for names in _sharing(layer, runs[0]):
            for name, rounded in _rounded(layer, names, runs, group, files):
                yield f"model.layers.{number}.{name}.weight", rounded
        with torch.inference_mode():
            runs = [_Run(run.through(layer), run.settings) for run in runs]
        _drop(layer)
    progress(len(layers), len(layers))


def _first_run(model: Any, ids: Sequence[int]) -> _Run:
    """What the model hands its first layer. All layers are taken to get the same, as they do in the classes here."""
    found: list[_Run] = []

    def catch(module: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> None:
        found.append(_Run(_bf16(args[0]), {name: _bf16(value) for name, value in settings.items()}))
        raise _Enough

    hook = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.model(input_ids=torch.tensor([list(ids)]), use_cache=False)
    except _Enough:
        return found[0]
    finally:
        hook.remove()
    raise RuntimeError("the model does not use its first layer")


def _bf16(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_bf16(part) for part in value)
    return value.to(torch.bfloat16) if torch.is_tensor(value) and value.is_floating_point() else value


def _to_bf16(layer: Any, files: Sequence[Path]) -> None:
    for parameter in layer.parameters():
        if parameter.dtype != torch.bfloat16:
            old = parameter.data
            parameter.data = old.to(torch.bfloat16)
            release(old, files)


def _drop(layer: Any) -> None:
    """Nobody asks this layer again."""
    for parameter in layer.parameters():
        parameter.data = torch.empty(0, dtype=parameter.dtype)


def _sharing(layer: Any, run: _Run) -> list[list[str]]:
    """The names of the layer's Linears, those with the same input together, in the order of their use."""
    inputs: list[tuple[torch.Tensor, list[str]]] = []

    def note(name: str, value: torch.Tensor) -> None:
        for known, names in inputs:
            if known is value:
                names.append(name)
                return
        inputs.append((value, [name]))

    hooks = [
        module.register_forward_pre_hook(lambda module, args, name=name: note(name, args[0]))
        for name, module in layer.named_modules()
        if isinstance(module, torch.nn.Linear)
    ]
    try:
        with torch.inference_mode():
            run.through(layer)
    finally:
        for hook in hooks:
            hook.remove()
    return [names for _, names in inputs]


def _rounded(
    layer: Any, names: Sequence[str], runs: Sequence[_Run], group: int, files: Sequence[Path]
) -> Iterator[tuple[str, Rounded4]]:
    """Round Linears that share an input as one, and put what came of it in their place."""
    modules = [layer.get_submodule(name) for name in names]
    whole = torch.cat([module.weight.data for module in modules])
    rounded = compensated(whole, _gram(layer, modules[0], runs), group)
    del whole
    sizes = [module.weight.shape[0] for module in modules]
    parts = zip(rounded.q.split(sizes), rounded.scale.split(sizes), rounded.zero.split(sizes), strict=True)
    for name, module, part in zip(names, modules, parts, strict=True):
        own = Rounded4(*part)
        old = module.weight.data
        module.weight.data = own.floats().to(torch.bfloat16)
        release(old, files)
        yield name, own


def _gram(layer: Any, module: Any, runs: Sequence[_Run]) -> torch.Tensor:
    """The sum of x x^T over all inputs of one Linear, each x brought to the same length.

    A few tokens have inputs a hundred times as long as all others', and would be the only ones that count.
    """
    size = module.weight.shape[1]
    gram = torch.zeros(size, size)

    def add(module: Any, args: tuple[torch.Tensor]) -> None:
        rows = torch.nn.functional.normalize(args[0].reshape(-1, size).float(), dim=-1)
        gram.addmm_(rows.t(), rows)
        raise _Enough

    hook = module.register_forward_pre_hook(add)
    try:
        for run in runs:
            _until_enough(layer, run)
    finally:
        hook.remove()
    return gram


def _until_enough(layer: Any, run: _Run) -> None:
    try:
        with torch.inference_mode():
            run.through(layer)
    except _Enough:
        pass
