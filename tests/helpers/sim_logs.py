"""Simulated classes as logs of votes: equal and unequal models, drifting, tied, one-sided, sighted, overlapping."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from vote_samples import make_side, swapped

from arena.types import Battle, Vote, Winner
from arena.votes.records import HEAD, csv_line
from arena.votes.rows import to_row

PROMPTS = 6
HASTY = 9  # raters who do not read
Change = Callable[[Vote, random.Random], Vote]


def raters(
    draw: random.Random, numbers: range, share: float, ties: float = 0.0, change: Change | None = None
) -> list[Vote]:
    """Their votes, one a prompt: `share` of those that are no ties go to "qwen"; which side it stands on is drawn."""
    votes = []
    for number in numbers:
        taste = min(0.98, max(0.02, draw.gauss(share, 0.1)))
        for prompt in range(PROMPTS):
            sides = [make_side(model, f"{model} on {prompt}" + " and on" * (prompt % 3)) for model in ("qwen", "glm")]
            battle = Battle(
                f"battle-{prompt}", "Why?", *sides, f"q{prompt}", "knowledge", blind=True, source="recorded"
            )
            winner = Winner.MODEL_A if draw.random() < taste else Winner.MODEL_B
            winner = draw.choice([Winner.TIE, Winner.BOTH_BAD]) if draw.random() < ties else winner
            time = 1.7e9 + 3600 * number + 60 * prompt
            vote = Vote(f"vote-{number}-{prompt}", battle, winner, f"judge-{number}", time, "English", dwell=30.0)
            vote = swapped(vote) if draw.random() < 0.5 else vote
            votes.append(change(vote, draw) if change else vote)
    return votes


def _sighted(vote: Vote, draw: random.Random) -> Vote:
    return replace(vote, battle=replace(vote.battle, blind=draw.random() < 0.5))


def _left(vote: Vote, draw: random.Random) -> Vote:
    return replace(vote, winner=Winner.MODEL_A, dwell=0.1)


def _hasty(vote: Vote, draw: random.Random) -> Vote:
    sides = (vote.battle.a, vote.battle.b)
    a, b = (replace(side, answer=replace(side.answer, text=side.answer.text * 60)) for side in sides)
    return replace(vote, battle=replace(vote.battle, a=a, b=b), dwell=0.1)


def _leaked(vote: Vote, draw: random.Random) -> Vote:
    return replace(vote, leaked=draw.random() < 0.4)


def _unnamed(vote: Vote, draw: random.Random) -> Vote:
    return replace(vote, judge="" if draw.random() < 0.3 else vote.judge)


def _equal(draw: random.Random, size: int) -> list[Vote]:
    return raters(draw, range(size), 0.5)


def _drifting(draw: random.Random, size: int) -> list[Vote]:
    return [*raters(draw, range(size), 0.8), *raters(draw, range(size, 2 * size), 0.2)]


KINDS: dict[str, Callable[[random.Random, int], list[Vote]]] = {
    "equal": _equal,
    "unequal": lambda draw, size: raters(draw, range(size), 0.75),
    "drifting": _drifting,
    "tied": lambda draw, size: raters(draw, range(size), 0.6, ties=0.9),
    "one-sided": lambda draw, size: [*_equal(draw, size), *raters(draw, range(size, size + 9), 0.5, change=_left)],
    "hasty": lambda draw, size: [
        *raters(draw, range(size), 0.75),
        *raters(draw, range(size, size + HASTY), 0.1, change=_hasty),
    ],
    "sighted": lambda draw, size: raters(draw, range(size), 0.75, change=_sighted),
    "only sighted": lambda draw, size: [
        replace(vote, battle=replace(vote.battle, blind=False)) for vote in raters(draw, range(size), 0.75)
    ],
    "leaked": lambda draw, size: raters(draw, range(size), 0.75, change=_leaked),
    "unnamed": lambda draw, size: raters(draw, range(size), 0.75, change=_unnamed),
    "overlapping": lambda draw, size: raters(draw, range(size), 0.7),
}


def sim_log(kind: str, seed: int) -> list[Vote]:
    """The votes of one class."""
    draw = random.Random(f"{kind} {seed}")
    return KINDS[kind](draw, draw.randrange(6, 32))


def write_log(path: Path, votes: list[Vote]) -> Path:
    """The votes as one part of a log."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(HEAD + "".join(csv_line(list(to_row(vote).values())) for vote in votes).encode())
    return path
