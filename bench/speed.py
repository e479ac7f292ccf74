"""The measurements of an engine's speed and memory. Each one runs in a process of its own (see `bench.probe.run`)."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

from backends.machine.pages import large_memory
from bench.engines import Answered, Engine, GgufModel, OwnEngine, Source, at_once, new_scheduler, open_engine
from bench.probe import Figures, Progress, seconds_since_request
from bench.reference_job import Task
from bench.resources import MemoryWatch, random_ids
from bench.weights.subject import Subject

# The prompt of each of several conversations at once, and of a new process, in tokens.
SHORT_PROMPT = 64
# Answered before anything is measured, so that work that is done only once does not count.
WARM_UP_PROMPT, WARM_UP_TOKENS = 8, 2
TURNS, TURN_TOKENS = 5, 64
READ_REPEATS = 7


@dataclass(frozen=True)
class Plan:
    """What to measure: prompts of these lengths, an answer of `decode_tokens`, these numbers of conversations."""

    prompt_lengths: tuple[int, ...] = (64, 128, 512, 2048)
    decode_tokens: int = 48
    conversations: tuple[int, ...] = (4, 8)


@dataclass(frozen=True)
class BothPlan:
    """A prompt and an answer for each of two models, and the context length that both fill.

    The models answer at once and in turn, `rounds` times, since a machine is not equally fast all the time.
    """

    prompt_tokens: int = 128
    answer_tokens: int = 64
    context_length: int = 2048
    rounds: int = 3


def measure_alone(source: Source, plan: Plan, progress: Progress) -> Figures:
    """One conversation: the first token of each prompt, and the decoding speed after the shortest prompt."""
    watch = MemoryWatch()
    engine, ready = _opened(source, 1, max(plan.prompt_lengths) + plan.decode_tokens, progress)
    first_token = []
    for length in plan.prompt_lengths:
        progress(f"{engine.name}: a prompt of {length} tokens ...")
        answer = engine.answer(random_ids(length, length, engine.vocabulary), 1)
        first_token.append({"prompt_tokens": length, "seconds": answer.first_seconds})
        engine.forget()
    progress(f"{engine.name}: an answer of {plan.decode_tokens} tokens ...")
    answer = engine.answer(random_ids(min(plan.prompt_lengths), 1, engine.vocabulary), plan.decode_tokens)
    return {
        "engine": engine.name,
        "kernels": engine.kernels,
        "threads": engine.threads,
        "ready_seconds": ready,
        "speed": spread(answer.steps),
        "first_token": first_token,
        "peak": watch.peak(),
    }


def measure_turns(source: Source, progress: Progress) -> Figures:
    """The turns of one conversation: each adds a question and its answer."""
    watch = MemoryWatch()
    engine, _ = _opened(source, 1, 2 * TURNS * TURN_TOKENS, progress)
    conversation: list[int] = []
    turns = []
    for number in range(TURNS):
        progress(f"{engine.name}: turn {number + 1} of a conversation ...")
        conversation += random_ids(TURN_TOKENS, 50 + number, engine.vocabulary)
        answer = engine.answer(conversation, TURN_TOKENS)
        turn = {"prompt_tokens": len(conversation), "kept_tokens": answer.cached_tokens}
        turns.append({**turn, "seconds": answer.first_seconds})
        conversation += answer.ids
    return {"turns": turns, "peak": watch.peak()}


def measure_together(source: Source, plan: Plan, progress: Progress) -> Figures:
    """Several conversations at once: the tokens per second of all."""
    watch = MemoryWatch()
    engine, ready = _opened(source, max(plan.conversations), SHORT_PROMPT + plan.decode_tokens, progress)
    together = []
    for number in plan.conversations:
        progress(f"{engine.name}: {number} conversations at once ...")
        prompts = [random_ids(SHORT_PROMPT, 100 + index, engine.vocabulary) for index in range(number)]
        answers = at_once([(engine, ids, plan.decode_tokens) for ids in prompts])
        engine.forget()
        speed = {"tokens_per_second": tokens_per_second(answers), "speed": spread(common_steps(answers), number)}
        together.append({"conversations": number, **speed})
    named = {"engine": engine.name, "threads": engine.threads, "ready_seconds": ready}
    return {**named, "together": together, "peak": watch.peak()}


def measure_job(source: Source, tasks: Sequence[Task], progress: Progress) -> Figures:
    """The reference job. This engine gets all questions at once, as `batch` would send them; a rival one by one."""
    watch = MemoryWatch()
    engine, ready = _opened(source, 1, max(len(task.ids) + task.answer_tokens for task in tasks), progress)
    model = source.shape if isinstance(source, GgufModel) else source
    # A small vocabulary may not have all ids of the job.
    calls = [(engine, [id % engine.vocabulary for id in task.ids], task.answer_tokens) for task in tasks]
    progress(f"{engine.name}: {len(tasks)} questions ...")
    if isinstance(source, Subject):
        answers = at_once(calls)
    else:
        answers = []
        for task, call in zip(tasks, calls, strict=True):
            answers += at_once([call])
            progress(f"{engine.name}: {task.prompt_id}, {task.answer_tokens} tokens in {answers[-1].seconds:.1f} s")
    return {
        "rival": engine.name,
        "model": model.id,
        "layers": model.layers,
        "threads": engine.threads,
        "load_seconds": ready,
        "seconds": elapsed(answers),
        "peak_bytes": watch.peak()["resident_bytes"],
        "answers": [
            {
                "prompt_id": task.prompt_id,
                "prompt_tokens": len(task.ids),
                "answer_tokens": task.answer_tokens,
                "first_token_seconds": answer.first_seconds,
                "seconds": answer.seconds,
            }
            for task, answer in zip(tasks, answers, strict=True)
        ],
    }


def measure_start(source: Source, progress: Progress) -> Figures:
    """Seconds from the start of the process until the model is open, and until the first token of a short prompt."""
    engine = open_engine(source, 1, SHORT_PROMPT + 1)
    ready = seconds_since_request()
    engine.answer(random_ids(SHORT_PROMPT, 1, engine.vocabulary), 1)
    return {"ready_seconds": ready, "first_token_seconds": seconds_since_request()}


def measure_panes(subjects: Sequence[Subject], plan: BothPlan, progress: Progress) -> Figures:
    """Two models in one process, as the page has them: the same answers at once and in turn, medians of all rounds."""
    watch = MemoryWatch()
    engines, ready = _both_opened(subjects, plan, progress)
    rounds: dict[str, list[list[Answered]]] = {"together": [], "in_turn": []}
    for number in range(plan.rounds):
        progress(f"Round {number + 1} of {plan.rounds}: {plan.prompt_tokens} tokens in, {plan.answer_tokens} out ...")
        rounds["together"].append(_ask(engines, plan.prompt_tokens, plan.answer_tokens))
        in_turn = [_ask([engine], plan.prompt_tokens, plan.answer_tokens)[0] for engine in engines]
        rounds["in_turn"].append(in_turn)
    figures: Figures = {"ready_seconds": ready}
    for way, answers in rounds.items():
        figures[way] = [
            {
                "model": subject.name,
                "first_token_seconds": statistics.median(answer.first_seconds for answer in own),
                "seconds": statistics.median(answer.seconds for answer in own),
            }
            for subject, own in zip(subjects, zip(*answers, strict=True), strict=True)
        ]
        figures[f"{way}_seconds"] = statistics.median(map(elapsed, answers))
    ratios = [elapsed(now) / elapsed(then) for now, then in zip(*rounds.values(), strict=True)]
    return {**figures, "ratios": ratios, "panes_peak": watch.peak()}


def measure_full_contexts(subjects: Sequence[Subject], plan: BothPlan, progress: Progress) -> Figures:
    """The memory of two models in one process with both contexts full."""
    watch = MemoryWatch()
    engines, _ = _both_opened(subjects, plan, progress)
    progress(f"Both contexts of {plan.context_length:,} tokens are filled at once ...")
    _ask(engines, plan.context_length - plan.answer_tokens, plan.answer_tokens)
    return {"peak": watch.peak()}


def measure_read_bound(size: int, progress: Progress) -> Figures:
    """Bytes per second that this machine reads from memory, the best of several; None without the compiled kernels.

    No engine can be faster. `size` should be more than any processor's caches hold.
    """
    progress(f"Reading {size / 1e9:.1f} GB of memory {READ_REPEATS} times ...")
    return {"bytes_per_second": new_scheduler().run(lambda: _read_bound(size))}


def _read_bound(size: int) -> float | None:
    import torch

    from backends.packed.kernels import find_kernels

    kernels = find_kernels()
    if kernels is None:
        return None
    # Large pages, as packed weights have: with small ones the bound would be too low.
    memory = torch.frombuffer(large_memory(size), dtype=torch.uint8)
    # Untouched memory would be the same one page everywhere.
    memory.fill_(1)
    seconds = []
    for _ in range(READ_REPEATS):
        began = time.perf_counter()
        kernels.read_lines(memory)
        seconds.append(time.perf_counter() - began)
    return size / min(seconds)


def _opened(source: Source, conversations: int, positions: int, progress: Progress) -> tuple[Engine, float]:
    """The warm engine, and the seconds until it was open."""
    progress(f"Opening {source.name} ...")
    engine = open_engine(source, conversations, positions)
    ready = seconds_since_request()
    _warm_up(engine)
    return engine, ready


def _both_opened(subjects: Sequence[Subject], plan: BothPlan, progress: Progress) -> tuple[list[OwnEngine], float]:
    progress(f"Opening {' and '.join(subject.name for subject in subjects)} ...")
    scheduler = new_scheduler()
    engines = [OwnEngine(subject, scheduler, plan.context_length) for subject in subjects]
    ready = seconds_since_request()
    for engine in engines:
        _warm_up(engine)
    return engines, ready


def _warm_up(engine: Engine) -> None:
    engine.answer(random_ids(WARM_UP_PROMPT, 0, engine.vocabulary), WARM_UP_TOKENS)
    engine.forget()


def _ask(engines: Sequence[OwnEngine], prompt_tokens: int, tokens: int) -> list[Answered]:
    answers = at_once([(engine, random_ids(prompt_tokens, 1, engine.vocabulary), tokens) for engine in engines])
    for engine in engines:
        engine.forget()
    return answers


def elapsed(answers: Sequence[Answered]) -> float:
    """Seconds from the first request to the last token."""
    return max(answer.moments[-1] for answer in answers) - min(answer.asked for answer in answers)


def spread(seconds: Sequence[float], tokens: int = 1) -> Figures:
    """Tokens per second of steps with `tokens` each: the median, and the slowest and fastest tenth."""
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return {"median": tokens / statistics.median(seconds), "low": tokens / tenths[-1], "high": tokens / tenths[0]}


def tokens_per_second(answers: Sequence[Answered]) -> float:
    """Of answers given at once, counted from when the last one has its first token."""
    begin = max(answer.moments[0] for answer in answers)
    end = max(answer.moments[-1] for answer in answers)
    return sum(moment > begin for answer in answers for moment in answer.moments) / (end - begin)


def common_steps(answers: Sequence[Answered]) -> list[float]:
    """Seconds of the steps during which all answers were being written."""
    begin = max(answer.moments[0] for answer in answers)
    end = min(answer.moments[-1] for answer in answers)
    steps = [pair for answer in answers for pair in zip(answer.moments[1:], answer.steps, strict=True)]
    common = [step for moment, step in steps if begin < moment <= end]
    # With very short answers there may be none: then all count.
    return common if len(common) > 1 else [step for _, step in steps]
