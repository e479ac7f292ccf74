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


PROMPT_IDS = ("q1-clothes", "q2-single", "q3-knows", "q4-mingming", "q5-yisi", "q6-tongji", "q7-python", "q8-translate")


def _questions(prompts: tuple[int, ...], answers: tuple[int, ...], seconds: tuple[int, ...]) -> tuple[Question, ...]:
    return tuple(Question(*numbers) for numbers in zip(PROMPT_IDS, prompts, answers, seconds, strict=True))


# Counted once with the real tokenizers (QwenChat, ChatGLMChat). Prompt: the question of prompts.json as a whole
# conversation with its control tokens (and Qwen's system text). Answer: the models' answers in the reference run (a CPU
# notebook, bf16, torch 2.3.0, transformers 4.33.3), without the end token. Seconds: those of that run, which asked the
# same questions with other punctuation, up to ten tokens longer.
REFERENCE = {
    "qwen-7b-chat": _questions(
        prompts=(46, 42, 32, 41, 91, 25, 42, 42),
        answers=(56, 72, 63, 38, 106, 73, 159, 56),
        seconds=(171, 222, 214, 129, 345, 216, 489, 195),
    ),
    "chatglm3-6b": _questions(
        prompts=(34, 30, 20, 29, 73, 11, 29, 29),
        answers=(51, 158, 87, 36, 220, 189, 114, 51),
        seconds=(454, 1016, 601, 354, 1681, 1341, 797, 425),
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
