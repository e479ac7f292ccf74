"""Rounds a model layer by layer (GPTQ), each on what the rounded layers before it make of a text.

It needs memory for one layer at a time: a layer is converted to bfloat16 when its turn comes, and dropped afterwards.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from arena.types import Message
from backends.families.experts import is_expert
from backends.families.weights import convert
from backends.machine.pages import release
from backends.packed.gptq import compensated, toward
from backends.packed.scheme import Rounded4, fitting_group

CALIBRATION = Path(__file__).with_name("calibration.txt")
# Few, for long contexts; several, so that a layer needs little memory at a time.
CHATS = 12


def calibrated(
    model: Any,
    sequences: Sequence[Sequence[int]],
    group: int,
    files: Sequence[Path] = (),
    progress: Callable[[int, int], None] = lambda done, layers: None,
    known: Callable[[str, int], Rounded4 | None] = lambda name, rows: None,
) -> Iterator[tuple[str, Rounded4]]:
    """Yields the name and the rounding of every Linear in the model's layers, in order. Consumes the model.

    `sequences` are token ids to run; `files` are those that the weights are mapped from. `progress` gets the number of
    layers done and of all. `known(name, rows)` returns the roundings of an interrupted run, which are reused. Experts,
    and a Linear without a fitting group, are not rounded or yielded.
    """
    layers = model.model.layers
    with torch.inference_mode():
        runs = [_first_run(model, ids) for ids in sequences]
    for number, layer in enumerate(layers):
        progress(number, len(layers))
        convert(layer, torch.bfloat16, files)
        shared = _sharing_inputs(layer, runs[0], group)
        exact, inputs = _exact(layer, [names[0] for names in shared], runs)
        for names in shared:
            exact_inputs = inputs.pop(names[0])
            modules = [layer.get_submodule(name) for name in names]
            own_group = fitting_group(modules[0].weight.shape, group)
            places = [f"model.layers.{number}.{name}" for name in names]
            stored = [known(place, module.out_features) for place, module in zip(places, modules, strict=True)]
            parts = [rounded for rounded in stored if rounded]
            if len(parts) < len(names):
                parts = _rounded(layer, modules, runs, exact_inputs, own_group)
            for place, module, rounded in zip(places, modules, parts, strict=True):
                # The layers after it are calibrated on the rounded weight.
                old = module.weight.data
                module.weight.data = rounded.floats().to(torch.bfloat16)
                release(old, files)
                yield place, rounded
        with torch.inference_mode():
            for run, own in zip(runs, exact, strict=True):
                run.hidden, run.exact = run.through(layer, run.hidden), own
        for parameter in layer.parameters():
            parameter.data = torch.empty(0, dtype=parameter.dtype)
    progress(len(layers), len(layers))


@dataclass
class _Run:
    """A sequence on its way through the layers: its hidden states after rounded layers, and without any rounding."""

    hidden: Tensor
    exact: Tensor
    # The model's other arguments for every layer.
    settings: dict[str, Any]

    def through(self, layer: Any, hidden: Tensor) -> Tensor:
        out = layer(hidden, **self.settings)
        after: Tensor = out[0] if isinstance(out, tuple) else out
        return after


class _Enough(Exception):
    """Stops a pass whose remaining results are not needed."""


def _first_run(model: Any, ids: Sequence[int]) -> _Run:
    """The arguments of the first layer. All layers are assumed to get the same, as in the supported classes."""
    runs: list[_Run] = []

    def catch(module: Any, args: tuple[Any, ...], settings: dict[str, Any]) -> None:
        hidden = _bf16(args[0])
        runs.append(_Run(hidden, hidden, {name: _bf16(value) for name, value in settings.items()}))
        raise _Enough

    hook = model.model.layers[0].register_forward_pre_hook(catch, with_kwargs=True)
    try:
        model.model(input_ids=torch.tensor([list(ids)]), use_cache=False)
    except _Enough:
        return runs[0]
    finally:
        hook.remove()
    raise RuntimeError("the model does not use its first layer")


def _bf16(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(_bf16(part) for part in value)
    return value.to(torch.bfloat16) if torch.is_tensor(value) and value.is_floating_point() else value


@contextmanager
def _inputs_seen(modules: Mapping[str, Any], see: Callable[[str, Tensor], None]) -> Iterator[None]:
    """Calls `see(name, input)` whenever one of the modules runs in the block."""
    hooks = [
        module.register_forward_pre_hook(lambda module, args, name=name: see(name, args[0]))
        for name, module in modules.items()
    ]
    try:
        with torch.inference_mode():
            yield
    finally:
        for hook in hooks:
            hook.remove()


def _sharing_inputs(layer: Any, run: _Run, group: int) -> list[list[str]]:
    """The names of the layer's Linears to be rounded, grouped by their input, in the order of their use."""
    inputs: list[tuple[str, Tensor]] = []
    linears = {
        name: module
        for name, module in layer.named_modules()
        if type(module) is torch.nn.Linear and fitting_group(module.weight.shape, group) and not is_expert(name)
    }
    with _inputs_seen(linears, lambda name, value: inputs.append((name, value))):
        run.through(layer, run.exact)
    shared: dict[int, list[str]] = {}
    for name, value in inputs:
        shared.setdefault(id(value), []).append(name)
    return list(shared.values())


def _exact(layer: Any, names: Sequence[str], runs: Sequence[_Run]) -> tuple[list[Tensor], dict[str, list[Tensor]]]:
    """Without any rounding: the layer's outputs, and the inputs of the named Linears, run by run."""
    inputs: dict[str, list[Tensor]] = {name: [] for name in names}
    modules = {name: layer.get_submodule(name) for name in names}
    with _inputs_seen(modules, lambda name, value: inputs[name].append(value)):
        return [run.through(layer, run.exact) for run in runs], inputs


def _rounded(
    layer: Any, modules: Sequence[Any], runs: Sequence[_Run], exact: Sequence[Tensor], group: int
) -> list[Rounded4]:
    """Rounds Linears that share an input as one matrix."""
    gram, cross = _grams(layer, modules[0], runs, exact)
    wanted = toward(torch.cat([module.weight.data for module in modules]), gram, cross)
    del cross
    rounded = compensated(wanted, gram, group)
    del wanted, gram
    sizes = [module.weight.shape[0] for module in modules]
    return [Rounded4(*part) for part in zip(*(value.split(sizes) for value in vars(rounded).values()), strict=True)]


def _grams(layer: Any, module: Any, runs: Sequence[_Run], exact: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """The sums of x x^T and of e x^T over all inputs x of a Linear, where e is what x would be without rounding.

    Each x is scaled to the same length: a few tokens have inputs a hundred times as long as the others', and would
    dominate the sums.
    """
    size = module.weight.shape[1]
    gram, cross = torch.zeros(size, size), torch.zeros(size, size)
    left = iter(exact)

    def see(_: str, value: Tensor) -> None:
        rows = value.reshape(-1, size).float()
        lengths = rows.norm(dim=-1, keepdim=True).clamp_(min=1e-12)
        rows = rows / lengths
        gram.addmm_(rows.t(), rows)
        cross.addmm_((next(left).reshape(-1, size).float() / lengths).t(), rows)
        raise _Enough

    with _inputs_seen({"": module}, see):
        for run in runs:
            with suppress(_Enough):
                run.through(layer, run.hidden)
    return gram, cross


# ---- the text


def passages(path: Path) -> list[str]:
    """The passages of a text file, separated by "---". One that begins with "> " is a question and its answer."""
    return [passage.strip("\n") for passage in path.read_text(encoding="utf-8").split("\n---\n")]


def conversations(texts: Sequence[str]) -> list[list[Message]]:
    """The passages as CHATS chats: questions with their answers, then plain text from the user."""
    chats: list[list[Message]] = [[] for _ in range(CHATS)]
    asked = [text.removeprefix("> ").split("\n", 1) for text in texts if text.startswith("> ")]
    for chat, (question, answer) in zip(cycle(chats), asked, strict=False):
        chat += [Message("user", question), Message("assistant", answer)]
    plain = [text for text in texts if not text.startswith("> ")]
    for number, chat in enumerate(chats):
        chat.append(Message("user", "\n\n".join(plain[number::CHATS])))
    return chats


def calibration_ids(prompt_ids: Callable[[Sequence[Message]], list[int]]) -> list[list[int]]:
    """The calibration text as token ids, in a family's own chat format."""
    return [prompt_ids(chat) for chat in conversations(passages(CALIBRATION))]
