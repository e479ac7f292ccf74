"""Votes, recorded answers and events of realistic size, as many as needed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator

from arena.types import Answer, Battle, GenerationConfig, Message, ModelSpec, Side, Usage, Vote, Winner

# As long as the average reference answer; a row then has 2.6 kB, since it holds each answer twice.
ANSWER = '这句话有歧义：“他背着小王\n做了这件事”，既可以是 "背负"，也可以是, "瞒着"。' * 4
MODELS = ("model-one", "model-two")
RATER_VOTES = 8
_OUTCOMES = (*[Winner.MODEL_A] * 5, *[Winner.MODEL_B] * 4, Winner.TIE, Winner.BOTH_BAD)
_SWAPPED = {Winner.MODEL_A: Winner.MODEL_B, Winner.MODEL_B: Winner.MODEL_A}


def sample_vote(number: int) -> Vote:
    """A vote on a battle of its own; RATER_VOTES in a row are one rater's. The first model wins slightly more often."""
    drawn = number * 2654435761 % 2**32
    is_swapped, outcome = drawn >> 31, _OUTCOMES[(drawn >> 8) % len(_OUTCOMES)]
    a, b = (_side(model) for model in (reversed(MODELS) if is_swapped else MODELS))
    place = number % RATER_VOTES
    about = f"q{place}", "reasoning"
    battle = Battle(f"{number:032x}", "这句话是什么意思？", a, b, *about, blind=True, source="recorded")
    judge = f"{number // RATER_VOTES:024x}"
    winner = _SWAPPED.get(outcome, outcome) if is_swapped else outcome
    return Vote(f"{number:032x}", battle, winner, judge=judge, time=time.time(), language="Chinese", leaked=False)


def _side(model: str) -> Side:
    spec = ModelSpec(model, model, "", "", "", precision="int4", revision="0" * 40)
    answer = Answer(ANSWER, finish_reason="stop", usage=Usage(new_tokens=180, first_token_seconds=1.25, seconds=40.5))
    return Side(spec, (Message("user", "这句话是什么意思？"),), GenerationConfig(seed=7), answer)


def sample_answers(prompts: int) -> Iterator[str]:
    """Lines of an answers file with two models."""
    for number in range(prompts):
        for model in MODELS:
            entry = {"prompt_id": f"q{number}", "prompt": f"第 {number} 题：这句话是什么意思？", "model": model}
            yield json.dumps({**entry, "response": f"{model} {number}: {ANSWER}", "seconds": 40.5}, ensure_ascii=False)


def sample_events(votes: int, pairs: list[str]) -> Iterator[str]:
    """Lines of an event log in which raters have cast `votes` votes, RATER_VOTES each, on pairs with these keys."""
    now = time.time()
    for number in range(votes):
        rater, place = divmod(number, RATER_VOTES)
        about = {"judge": f"{rater:024x}", "battle": f"{number:032x}", "room": ""}
        shown = {"pair": pairs[place % len(pairs)], "swapped": number % 2 == 0, "repeat_of": ""}
        yield json.dumps({"kind": "shown", "time": now, **about, **shown})
        yield json.dumps({"kind": "voted", "time": now, **about})
