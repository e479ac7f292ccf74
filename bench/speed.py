"""The measurements of an engine's speed and memory. Each one runs in a process of its own (see `bench.probe.run`)."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from backends.machine import share_cores
from backends.machine.memory import cpu_count
from backends.machine.pages import ask_large, lazy_memory
from backends.stepping.scheduler import Scheduler
from bench.engines import Answered, Engine, OwnEngine, Source, at_once, open_engine, open_own
from bench.probe import Figures, Progress, seconds_since_request
from bench.weights.subject import Subject

# The prompt of each of several conversations at once, and of a new process, in tokens.
SHORT_PROMPT = 64
# Answered before anything is measured, so that work that is done only once does not count.
WARM_UP_PROMPT, WARM_UP_TOKENS = 64, 2
TURNS, TURN_TOKENS = 5, 64
READ_REPEATS = 7


@dataclass(frozen=True)
class Plan:
    """What to measure: prompts of these lengths, an answer of `decode_tokens`, these numbers of conversations.

    Two models get `pane_prompt` tokens and answer `pane_answer`, at once and in turn, `rounds` times, since a machine
    is not equally fast all the time; then both fill a context of `full_context` tokens.
    """

    prompt_lengths: tuple[int, ...] = (64, 128, 512, 2048)
    decode_tokens: int = 48
    conversations: tuple[int, ...] = (1, 2, 4, 8)
    pane_prompt: int = 128
    pane_answer: int = 64
    rounds: int = 3
    full_context: int = 2048


@dataclass(frozen=True)
class Question:
    """One question to one model; `reference_seconds` is how long the reference run took to answer it."""

    prompt_id: str
    prompt_tokens: int
    answer_tokens: int
    reference_seconds: int


def measure_alone(plan: Plan, source: Source, progress: Progress) -> Figures:
    """One conversation: the first token of each prompt, the decoding speed after the shortest, this engine's turns."""
    engine, facts = _open(source, 1, max(plan.prompt_lengths) + plan.decode_tokens, progress)
    first_token = []
    for length in plan.prompt_lengths:
        progress(f"{engine.name}: a prompt of {length} tokens ...")
        answer = engine.answer(engine.prompt(length, length), 1)
        first_token.append({"prompt_tokens": length, "seconds": answer.first_seconds})
        engine.forget()
    progress(f"{engine.name}: an answer of {plan.decode_tokens} tokens ...")
    answer = engine.answer(engine.prompt(min(plan.prompt_lengths), 1), plan.decode_tokens)
    figures = {**facts, **spread(answer.steps), "first_token": first_token}
    return {**figures, "turns": _turns(engine, progress)} if isinstance(engine, OwnEngine) else figures


def _turns(engine: Engine, progress: Progress) -> list[Figures]:
    """The turns of a conversation: each adds a question and its answer. The rivals here cache no prompts."""
    engine.forget()
    conversation: list[int] = []
    turns = []
    for number in range(TURNS):
        progress(f"{engine.name}: turn {number + 1} of a conversation ...")
        conversation += engine.prompt(TURN_TOKENS, 50 + number)
        answer = engine.answer(conversation, TURN_TOKENS)
        turn = {"prompt_tokens": len(conversation), "cached_tokens": answer.cached_tokens}
        turns.append({**turn, "seconds": answer.first_seconds})
        conversation += answer.ids
    return turns


def measure_together(plan: Plan, source: Source, progress: Progress) -> Figures:
    """Several conversations at once: the tokens per second of all."""
    engine, facts = _open(source, max(plan.conversations), SHORT_PROMPT + plan.decode_tokens, progress)
    together = []
    for number in plan.conversations:
        progress(f"{engine.name}: {number} conversations at once ...")
        prompts = [engine.prompt(SHORT_PROMPT, 100 + index) for index in range(number)]
        answers = at_once([(engine, ids, plan.decode_tokens) for ids in prompts])
        engine.forget()
        speed = {**spread(common_steps(answers), number), "tokens_per_second": tokens_per_second(answers)}
        together.append({"conversations": number, **speed})
    return {**facts, "together": together}


def measure_job(questions: Sequence[Question], source: Source, progress: Progress) -> Figures:
    """The reference job. This engine gets all questions at once, as `batch` would send them; a rival one by one."""
    longest = max(question.prompt_tokens + question.answer_tokens for question in questions)
    engine, facts = _open(source, 1, longest, progress)
    calls = [
        (engine, engine.prompt(question.prompt_tokens, number), question.answer_tokens)
        for number, question in enumerate(questions)
    ]
    progress(f"{engine.name}: {len(questions)} questions ...")
    answers: list[Answered] = []
    for batch in [calls] if isinstance(source, Subject) else [[call] for call in calls]:
        answers += at_once(batch)
        progress(f"{engine.name}: {len(answers)} of {len(questions)} answered, the last in {answers[-1].seconds:.1f} s")
    rows = []
    for question, answer in zip(questions, answers, strict=True):
        times = {"seconds": answer.seconds, "first_token_seconds": answer.first_seconds}
        rows.append({"prompt_id": question.prompt_id, **times, **asdict(question)})
    return {**facts, "seconds": elapsed(answers), "answers": rows}


def measure_start(source: Source, progress: Progress) -> Figures:
    """Seconds from the start of the process until the model is open, and until the first token of a short prompt."""
    engine = open_engine(source, 1, SHORT_PROMPT + 1)
    ready = seconds_since_request()
    engine.answer(engine.prompt(SHORT_PROMPT, 1), 1)
    return {"engine": engine.name, "ready_seconds": ready, "first_token_seconds": seconds_since_request()}


def measure_panes(plan: Plan, subjects: Sequence[Subject], progress: Progress) -> Figures:
    """Two models in one process, as the page has them: the same answers at once and in turn, medians of all rounds."""
    engines = _open_both(subjects, progress)
    rounds: dict[str, list[list[Answered]]] = {"together": [], "in_turn": []}
    for number in range(plan.rounds):
        progress(f"Round {number + 1} of {plan.rounds}: {plan.pane_prompt} tokens in, {plan.pane_answer} out ...")
        rounds["together"].append(_ask(engines, plan.pane_prompt, plan.pane_answer))
        in_turn = [_ask([engine], plan.pane_prompt, plan.pane_answer)[0] for engine in engines]
        rounds["in_turn"].append(in_turn)
    ratios = [elapsed(now) / elapsed(then) for now, then in zip(*rounds.values(), strict=True)]
    figures: Figures = {"ratios": ratios}
    for way, answers in rounds.items():
        figures[f"{way}_seconds"] = statistics.median(map(elapsed, answers))
        figures[way] = [
            {
                "model": subject.name,
                "first_token_seconds": statistics.median(answer.first_seconds for answer in own),
                "seconds": statistics.median(answer.seconds for answer in own),
            }
            for subject, own in zip(subjects, zip(*answers, strict=True), strict=True)
        ]
    return figures


def measure_full_contexts(plan: Plan, subjects: Sequence[Subject], progress: Progress) -> Figures:
    """Fills the contexts of two models in one process: its peak memory is what counts."""
    engines = _open_both(subjects, progress)
    progress(f"Both contexts of {plan.full_context:,} tokens are filled at once ...")
    _ask(engines, plan.full_context - plan.pane_answer, plan.pane_answer)
    return {}


def measure_read_bound(size: int, progress: Progress) -> Figures:
    """Bytes per second that this machine reads from memory, the best of several; None without the compiled kernels.

    No engine can be faster. `size` should be more than any processor's caches hold.
    """
    progress(f"Reading {size / 1e9:.1f} GB of memory {READ_REPEATS} times ...")
    share_cores()
    import torch

    from backends.packed.kernels import find_kernels

    torch.set_num_threads(cpu_count())
    kernels = find_kernels()
    if kernels is None:
        return {"bytes_per_second": None}
    # Large pages, as packed weights have: with small ones the bound would be too low.
    mapped = lazy_memory(size)
    ask_large(mapped)
    memory = torch.frombuffer(mapped, dtype=torch.uint8)
    # Untouched memory would be the same one page everywhere.
    memory.fill_(1)
    seconds = []
    for _ in range(READ_REPEATS):
        began = time.perf_counter()
        kernels.read_lines(memory)
        seconds.append(time.perf_counter() - began)
    return {"bytes_per_second": size / min(seconds)}


def _open(source: Source, conversations: int, positions: int, progress: Progress) -> tuple[Engine, Figures]:
    """A warm engine and the facts about it."""
    progress(f"Opening {source.name} ...")
    engine = open_engine(source, conversations, positions)
    _warm_up(engine)
    return engine, {"engine": engine.name, "threads": engine.threads}


def _open_both(subjects: Sequence[Subject], progress: Progress) -> list[OwnEngine]:
    progress(f"Opening {' and '.join(subject.name for subject in subjects)} ...")
    scheduler = Scheduler()
    engines = [open_own(subject, scheduler) for subject in subjects]
    for engine in engines:
        _warm_up(engine)
    return engines


def _warm_up(engine: Engine) -> None:
    engine.answer(engine.prompt(WARM_UP_PROMPT, 0), WARM_UP_TOKENS)
    engine.forget()


def _ask(engines: Sequence[OwnEngine], prompt_tokens: int, tokens: int) -> list[Answered]:
    answers = at_once([(engine, engine.prompt(prompt_tokens, 1), tokens) for engine in engines])
    for engine in engines:
        engine.forget()
    return answers


def elapsed(answers: Sequence[Answered]) -> float:
    """Seconds from the first request to the last token."""
    return max(answer.moments[-1] for answer in answers) - min(answer.asked for answer in answers)


def spread(seconds: Sequence[float], tokens: int = 1) -> Figures:
    """Tokens per second of steps with `tokens` each: the median, and the slowest and fastest tenth."""
    tenths = statistics.quantiles(seconds, n=10, method="inclusive")
    return {
        "tokens_per_second": tokens / statistics.median(seconds),
        "low_tokens_per_second": tokens / tenths[-1],
        "high_tokens_per_second": tokens / tenths[0],
    }


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
