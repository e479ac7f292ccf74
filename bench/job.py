"""The reference job: eight questions to each of the two models, as token counts. Knows no text and no engine.

Speed depends on how many tokens go in and come out, not on which: a job of random ids of the same lengths takes as long
as the real one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from arena.errors import InputError
from bench.random_ids import random_ids


@dataclass(frozen=True)
class Question:
    """One question to one model: its length, its answer's, and the seconds that the reference run took for it."""

    prompt_id: str
    prompt_tokens: int
    answer_tokens: int
    reference_seconds: int


@dataclass(frozen=True)
class Task:
    """What an engine has to do for one question: read these ids, write so many tokens whatever they are."""

    prompt_id: str
    ids: tuple[int, ...]
    answer_tokens: int


@dataclass(frozen=True)
class JobAnswer:
    """One question of the job."""

    prompt_id: str
    prompt_tokens: int
    answer_tokens: int
    first_token_seconds: float
    seconds: float


@dataclass(frozen=True)
class JobFigures:
    """The whole job done by an engine; `seconds` is that of the answers, without loading."""

    rival: str
    model: str
    layers: int
    threads: int
    load_seconds: float
    seconds: float
    peak_bytes: int | None
    answers: tuple[JobAnswer, ...]


# Counted once with the real tokenizers (QwenChat, ChatGLMChat). Prompt: the question of prompts.json as a whole
# conversation with its marks (and Qwen's system text). Answer: what the models answered in the reference run (a CPU
# notebook, bf16, torch 2.3.0, transformers 4.33.3), without its end mark, which is one token more. Seconds: that run's.
# It asked the same questions in other punctuation, up to ten tokens longer.
REFERENCE = {
    "qwen-7b-chat": (
        Question("q1-clothes", 46, 56, 171),
        Question("q2-single", 42, 72, 222),
        Question("q3-knows", 32, 63, 214),
        Question("q4-mingming", 41, 38, 129),
        Question("q5-yisi", 91, 106, 345),
        Question("q6-tongji", 25, 73, 216),
        Question("q7-python", 42, 159, 489),
        Question("q8-translate", 42, 56, 195),
    ),
    "chatglm3-6b": (
        Question("q1-clothes", 34, 51, 454),
        Question("q2-single", 30, 158, 1016),
        Question("q3-knows", 20, 87, 601),
        Question("q4-mingming", 29, 36, 354),
        Question("q5-yisi", 73, 220, 1681),
        Question("q6-tongji", 11, 189, 1341),
        Question("q7-python", 29, 114, 797),
        Question("q8-translate", 29, 51, 425),
    ),
}


def reference_job(model: str) -> tuple[Question, ...]:
    """The questions to a model by its id. Raises InputError for a model that was not in the reference run."""
    if model not in REFERENCE:
        message = f"{model!r} is not in the reference run; take {' or '.join(REFERENCE)}."
        raise InputError("unknown_model", message, model=model)
    return REFERENCE[model]


def tasks(model: str, prompts: dict[str, Sequence[int]] | None = None) -> tuple[Task, ...]:
    """The job for an engine: the real `prompts` as ids by prompt id, or random ids of the same lengths."""
    return tuple(
        Task(
            question.prompt_id,
            tuple(prompts[question.prompt_id] if prompts else random_ids(question.prompt_tokens, seed=number)),
            question.answer_tokens,
        )
        for number, question in enumerate(reference_job(model))
    )


def answer_tokens(model: str) -> int:
    """Tokens of all answers together."""
    return sum(question.answer_tokens for question in reference_job(model))


def reference_seconds(model: str) -> int:
    """How long the reference run took for all of them."""
    return sum(question.reference_seconds for question in reference_job(model))
