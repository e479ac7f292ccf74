"""The reference job: eight questions to each of the two models, as token counts.

Speed depends on how many tokens go in and come out, not on which tokens: random ids of the same lengths take as long as
the real text.
"""

from __future__ import annotations

from dataclasses import dataclass

from arena.errors import InputError
from bench.resources import random_ids


@dataclass(frozen=True)
class Question:
    """One question to one model; `reference_seconds` is how long the reference run took to answer it."""

    prompt_id: str
    prompt_tokens: int
    answer_tokens: int
    reference_seconds: int


@dataclass(frozen=True)
class Task:
    """A prompt for an engine, and how many tokens it must answer with."""

    prompt_id: str
    ids: tuple[int, ...]
    answer_tokens: int


# Counted once with the real tokenizers (QwenChat, ChatGLMChat). Prompt: the question of prompts.json as a whole
# conversation with its control tokens (and Qwen's system text). Answer: the models' answers in the reference run (a CPU
# notebook, bf16, torch 2.3.0, transformers 4.33.3), without the end token. Seconds: those of that run, which asked the
# same questions with other punctuation, up to ten tokens longer.
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
    """The questions to a model. Raises InputError for a model that was not in the reference run."""
    if model not in REFERENCE:
        message = f"{model!r} is not in the reference run; use {' or '.join(REFERENCE)}."
        raise InputError("unknown_model", message, model=model)
    return REFERENCE[model]


def random_tasks(model: str) -> tuple[Task, ...]:
    """The job with random ids of the real lengths. Raises InputError."""
    return tuple(
        Task(question.prompt_id, tuple(random_ids(question.prompt_tokens, seed=number)), question.answer_tokens)
        for number, question in enumerate(reference_job(model))
    )


def reference_seconds(model: str) -> int:
    """How long the reference run took for all questions."""
    return sum(question.reference_seconds for question in reference_job(model))
