"""Where this machine stands among those of docs/performance.md."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from bench.probe import Figures
from bench.weights.shapes import SHAPES
from bench.weights.subject import Subject

_MACHINES: dict[str, dict[str, list[float]]] = tomllib.loads(
    Path(__file__).with_name("machines.toml").read_text(encoding="utf-8")
)
_PROMPT = 128
_HERE = "this machine"


def standing_of(subject: Subject, engines: Sequence[Figures]) -> list[Figures]:
    """The speed here and on each of the machines; nothing for a model that was not measured on them at this size."""
    machines = _MACHINES.get(subject.id, {})
    if not machines or subject.layers != SHAPES[subject.id.partition("@")[0]].layers:
        return []
    own, *rivals = ((engine["tokens_per_second"], _first_token(engine)) for engine in engines)
    # llama.cpp is the first rival, if it was measured.
    llama = rivals[0] if rivals and engines[1]["engine"].startswith("llama.cpp") else (None, None)
    return [_row(_HERE, (*own, *llama)), *(_row(name, numbers) for name, numbers in machines.items())]


def standing_line(name: str, standing: Sequence[Figures]) -> str:
    """The same in one line."""
    return f"{name}: {'; '.join(map(_words, standing))}."


def _first_token(engine: Figures) -> float:
    return next(float(first["seconds"]) for first in engine["first_token"] if first["prompt_tokens"] == _PROMPT)


def _row(machine: str, numbers: Sequence[float | None]) -> Figures:
    speed, seconds, llama_speed, llama_seconds = numbers
    return {
        "machine": machine,
        "tokens_per_second": speed,
        "first_token_seconds": seconds,
        "times_llama": speed and llama_speed and speed / llama_speed,
        "first_token_share_of_llama": seconds and llama_seconds and seconds / llama_seconds,
    }


def _words(row: Figures) -> str:
    beside, share = row["times_llama"], row["first_token_share_of_llama"]
    speed = f"{row['machine']} {row['tokens_per_second']:.2f} tokens/s"
    first = f"first token of {_PROMPT} after {row['first_token_seconds']:.2f} s"
    if beside is None:
        return f"{speed}, {first}"
    return f"{speed} ({beside:.2f} times llama.cpp), {first} ({share:.2f} of it)"
