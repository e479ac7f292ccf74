"""Rounding a chat model layer by layer, each for what the rounded ones before make of a text. Knows no file format.

Needs memory for one layer at a time: a layer is brought to bfloat16 when its turn comes and dropped after it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from backends.machine.pages import release
from backends.packed.gptq import compensated, toward
from backends.packed.scheme import Rounded4, fitting_group
from backends.packed.sequences import Enough, Run, first_run


def calibrated(
    model: Any,
    sequences: Sequence[Sequence[int]],
    group: int,
    files: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda done, layers: None,
    known: Callable[[str, int], Rounded4 | None] = lambda name, rows: None,
) -> Iterator[tuple[str, Rounded4]]:
    """Yields the name and the rounding of every Linear in the model's layers, in order. Uses the model up.

    `sequences` are token ids to run; `files` are those that the weights are mapped from, if they are. `progress` is
    told how many layers of how many are done. What is `known`, by name and number of rows, from a
    run that was stopped is taken as it is.
    Rows that do not come in whole groups are left as they are, and not yielded.
    """
    layers = model.model.layers
    with torch.inference_mode():
        runs = [first_run(model, ids) for ids in sequences]
    for number, layer in enumerate(layers):
        progress(number, len(layers))
        _to_bf16(layer, files)
        shared = _sharing(layer, runs[0])
        exact, inputs = _exact(layer, [names[0] for names in shared], runs)
        for names in shared:
            before = inputs.pop(names[0])
            own = fitting_group(layer.get_submodule(names[0]).weight.shape[1], group)
            places = [f"model.layers.{number}.{name}" for name in names]
            if own:
                modules = [layer.get_submodule(name) for name in names]
                old = [known(place, module.out_features) for place, module in zip(places, modules, strict=True)]
                there = [rounded for rounded in old if rounded]
                parts = there if len(there) == len(names) else _rounded(layer, modules, runs, before, own)
                for place, module, rounded in zip(places, modules, parts, strict=True):
                    _put(module, rounded, files)
                    yield place, rounded
        with torch.inference_mode():
            runs = [
                Run(run.through(layer, run.hidden), own, run.settings) for run, own in zip(runs, exact, strict=True)
            ]
        _drop(layer)
    progress(len(layers), len(layers))


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


def _sharing(layer: Any, run: Run) -> list[list[str]]:
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
            run.through(layer, run.exact)
    finally:
        for hook in hooks:
            hook.remove()
    return [names for _, names in inputs]


def _exact(
    layer: Any, names: Sequence[str], runs: Sequence[Run]
) -> tuple[list[torch.Tensor], dict[str, list[torch.Tensor]]]:
    """Without any rounding: what comes out of the layer, and what goes into the named Linears, run by run."""
    inputs: dict[str, list[torch.Tensor]] = {name: [] for name in names}
    hooks = [
        layer.get_submodule(name).register_forward_pre_hook(
            lambda module, args, name=name: inputs[name].append(args[0])
        )
        for name in names
    ]
    try:
        with torch.inference_mode():
            return [run.through(layer, run.exact) for run in runs], inputs
    finally:
        for hook in hooks:
            hook.remove()


def _rounded(
    layer: Any, modules: Sequence[Any], runs: Sequence[Run], exact: Sequence[torch.Tensor], group: int
) -> list[Rounded4]:
    """Round Linears that share an input as one."""
    gram, cross = _grams(layer, modules[0], runs, exact)
    wanted = toward(torch.cat([module.weight.data for module in modules]), gram, cross)
    del cross
    rounded = compensated(wanted, gram, group)
    del wanted, gram
    sizes = [module.weight.shape[0] for module in modules]
    parts = zip(rounded.q.split(sizes), rounded.scale.split(sizes), rounded.zero.split(sizes), strict=True)
    return [Rounded4(*part) for part in parts]


def _put(module: Any, rounded: Rounded4, files: Sequence[Path]) -> None:
    """In place of the float weight, for what comes after it."""
    old = module.weight.data
    module.weight.data = rounded.floats().to(torch.bfloat16)
    release(old, files)


def _grams(
    layer: Any, module: Any, runs: Sequence[Run], exact: Sequence[torch.Tensor]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Over all inputs x of one Linear, and what each would `exact`ly be (e): the sums of x x^T and of e x^T.

    Each x is brought to the same length: a few tokens have inputs a hundred times as long as all others', and would
    be the only ones that count.
    """
    size = module.weight.shape[1]
    gram, cross = torch.zeros(size, size), torch.zeros(size, size)
    left = iter(exact)

    def add(module: Any, args: tuple[torch.Tensor]) -> None:
        rows = args[0].reshape(-1, size).float()
        lengths = rows.norm(dim=-1, keepdim=True).clamp_(min=1e-12)
        rows = rows / lengths
        gram.addmm_(rows.t(), rows)
        cross.addmm_((next(left).reshape(-1, size).float() / lengths).t(), rows)
        raise Enough

    hook = module.register_forward_pre_hook(add)
    try:
        for run in runs:
            _until_enough(layer, run)
    finally:
        hook.remove()
    return gram, cross


def _until_enough(layer: Any, run: Run) -> None:
    try:
        with torch.inference_mode():
            run.through(layer, run.hidden)
    except Enough:
        pass
