"""Which ranks each of many models may have, as far as the verdicts on its pairs tell."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping


def rank_spreads(models: Collection[str], preferred: Iterable[tuple[str, str]]) -> Mapping[str, tuple[int, int]]:
    """The best and the worst rank of each model, 1 for the first; `preferred` are pairs (preferred model, other one).

    A model preferred to another one is before it, and before all that the other one is before. Where the verdicts on
    all pairs hold together (they share alpha), so do all these spreads, at every look.
    """
    beats: dict[str, set[str]] = {model: set() for model in models}
    for better, worse in preferred:
        beats[better].add(worse)
    after = {model: _reached(model, beats) for model in models}
    # Verdicts that go round in a circle put none of their models before another.
    below = {model: {other for other in after[model] if model not in after[other]} for model in models}
    above = {model: sum(model in others for others in below.values()) for model in models}
    return {model: (1 + above[model], len(models) - len(below[model])) for model in models}


def _reached(start: str, beats: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = [start]
    while waiting:
        new = beats[waiting.pop()] - found
        found |= new
        waiting += new
    return found
