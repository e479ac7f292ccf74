"""The nouns of the project, as frozen values. Knows nothing of how they are made, shown or stored."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Protocol, Self

from arena.errors import InputError

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled", "error"]
Stage = Literal["loading", "queued", "reading"]


class SideName(StrEnum):
    """Side a is always the left pane; which model is a is no property of the side."""

    A = "a"
    B = "b"


class Winner(StrEnum):
    """The four outcomes, spelled as FastChat's and arena-rank's loaders expect them."""

    MODEL_A = "model_a"
    MODEL_B = "model_b"
    TIE = "tie"
    BOTH_BAD = "tie (bothbad)"


CRITERIA = ("correct", "complete", "clear")
"""What a rater may judge besides the overall choice, each with one of VERDICTS."""
VERDICTS = ("a", "tie", "b")


@dataclass(frozen=True)
class Message:
    """One turn of a conversation, its text kept exactly as typed or generated."""

    role: Role
    content: str


@dataclass(frozen=True)
class GenerationConfig:
    """How to sample. temperature 0 is greedy; top_k 0 and top_p 1 switch those filters off; seed None is random.

    max_new_tokens counts tokens; the other numbers have no unit. Values out of range raise InputError.
    """

    max_new_tokens: int = 512
    temperature: float = 0.7
    top_p: float = 0.9
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None

    def __post_init__(self) -> None:
        for name, low, high in _RANGES:
            value = getattr(self, name)
            if value is None and name == "seed":
                continue
            whole = name in _WHOLE
            if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
                raise _out_of_range(name, value, low, high)
            if not (math.isfinite(value) and low <= value <= high):
                raise _out_of_range(name, value, low, high)

    def with_settings(self, settings: Mapping[str, Any]) -> Self:
        """A copy with the given fields replaced. A name that is no field raises InputError."""
        unknown = set(settings) - {known.name for known in fields(self)}
        if unknown:
            name = sorted(unknown)[0]
            raise InputError("unknown_setting", f"There is no setting called {name!r}.", name=name)
        return replace(self, **settings)


_WHOLE = frozenset({"max_new_tokens", "top_k", "seed"})
_RANGES: tuple[tuple[str, float, float], ...] = (
    ("max_new_tokens", 1, 32768),
    ("temperature", 0.0, 5.0),
    ("top_p", 0.01, 1.0),
    ("top_k", 0, 100_000),
    ("repetition_penalty", 0.1, 5.0),
    ("seed", 0, 2**32 - 2),
)


def _out_of_range(name: str, value: object, low: float, high: float) -> InputError:
    message = f"{name} must be a number from {low:g} to {high:g}, not {value!r}."
    return InputError("setting_range", message, name=name, low=f"{low:g}", high=f"{high:g}", value=str(value))


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, apart from the engine that runs it.

    `source` is a file, folder, hub id or URL, whatever `runtime` reads; `revision` names its exact bytes
    (a commit or a sha256; empty if unknown). `context_length` counts tokens, prompt and answer together; 0 is
    unknown. `defaults` is how this model is sampled unless told otherwise; the settings named in `pinned` are part of
    what the id means and cannot be changed. `licence` is the licence's name, `licence_url` where it can be read.
    `adapter` is a folder with changes to the weights that `source` names, "" if there are none. `stand_in` marks a
    model that runs in place of the ones meant.
    """

    id: str
    name: str
    family: str
    source: str
    runtime: str
    precision: str
    revision: str = ""
    context_length: int = 4096
    licence: str = ""
    licence_url: str = ""
    defaults: GenerationConfig = GenerationConfig()
    pinned: frozenset[str] = frozenset()
    adapter: str = ""
    stand_in: bool = False

    def config(self, settings: Mapping[str, Any] = MappingProxyType({})) -> GenerationConfig:
        """The model's defaults with `settings` applied, but for those that are None or pinned."""
        wanted = {name: value for name, value in settings.items() if value is not None and name not in self.pinned}
        return self.defaults.with_settings(wanted)


@dataclass(frozen=True)
class Usage:
    """What an answer cost. Tokens are counted by the engine, seconds by the wall clock; unknown is None.

    `cached_tokens` of the prompt were still there from an earlier turn and were not read again.
    """

    prompt_tokens: int | None = None
    new_tokens: int | None = None
    first_token_seconds: float | None = None
    seconds: float | None = None
    cached_tokens: int | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """Tokens after the first, over the time since the first: the speed at which a reader sees text grow."""
        if not self.new_tokens or self.new_tokens < 2 or self.seconds is None or self.first_token_seconds is None:
            return None
        span = self.seconds - self.first_token_seconds
        return (self.new_tokens - 1) / span if span > 0 else None


@dataclass(frozen=True)
class Chunk:
    """One step of a stream. All fields empty is a sign of life.

    `text` and `reasoning` are what is new. `stage` says what a side waits for, with `done` of `total`: its place in the
    queue (1 is next) and the seconds that may take (0 if unknown), prompt tokens read, or nothing known (both 0).
    `dropped_turns` counts the oldest user turns left out because the context is full. `retract` says that all the text
    so far was reasoning after all. `usage` is the usage so far. The last chunk has a `finish_reason`, the whole usage
    and, for `error`, the reason.
    """

    text: str = ""
    reasoning: str = ""
    stage: Stage | None = None
    done: int = 0
    total: int = 0
    dropped_turns: int = 0
    retract: bool = False
    finish_reason: FinishReason | None = None
    error: ErrorInfo | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class SideProgress:
    """What a running side does before it writes: `stage`, `done` and `total` as in its last Chunk that had a stage.

    `stage` is None while the side writes, and once it has ended.
    """

    stage: Stage | None = None
    done: int = 0
    total: int = 0

    def after(self, chunk: Chunk) -> SideProgress:
        """The progress after one more chunk."""
        if chunk.text or chunk.reasoning or chunk.finish_reason:
            return SideProgress()
        return SideProgress(chunk.stage, chunk.done, chunk.total) if chunk.stage else self


@dataclass(frozen=True)
class ErrorInfo:
    """An error that crossed a thread as data: `code` and `details` for the page, `message` in English for logs."""

    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """One side's answer so far, or whole once `finish_reason` is set."""

    text: str = ""
    reasoning: str = ""
    dropped_turns: int = 0
    finish_reason: FinishReason | None = None
    error: ErrorInfo | None = None
    usage: Usage = Usage()


@dataclass(frozen=True)
class Side:
    """One side of a battle: who was asked (`model`, `config`), what (`messages`), and the answer.

    `config` is None where nobody knows how the answer was sampled.
    """

    model: ModelSpec
    messages: tuple[Message, ...]
    config: GenerationConfig | None
    answer: Answer = Answer()

    @property
    def history(self) -> tuple[Message, ...]:
        """What the next turn builds on: the messages with the answer, or without this turn if it came to nothing."""
        if self.answer.finish_reason in (None, "error") or not self.answer.text.strip():
            return self.messages[:-1]
        return (*self.messages, Message("assistant", self.answer.text))


@dataclass(frozen=True)
class Battle:
    """Two answers to one prompt, the thing a vote is about.

    Each side keeps its own history, so the messages belong to the sides; they share the prompt. `prompt_id` is empty
    for a prompt of one's own; `turn` counts from 1.
    """

    id: str
    prompt: str
    a: Side
    b: Side
    prompt_id: str = ""
    dimension: str = ""
    turn: int = 1
    blind: bool = False
    source: Literal["live", "recorded"] = "live"

    def side(self, name: SideName) -> Side:
        """The side called `name`."""
        return self.a if name is SideName.A else self.b

    def with_answer(self, name: SideName, answer: Answer) -> Self:
        """A copy in which the named side has `answer`."""
        side = replace(self.side(name), answer=answer)
        return replace(self, a=side) if name is SideName.A else replace(self, b=side)

    @property
    def votable(self) -> bool:
        """Whether both sides ended by themselves (at a stop or at the token limit) and said something."""
        answers = (self.a.answer, self.b.answer)
        return all(answer.finish_reason in ("stop", "length") and answer.text.strip() for answer in answers)


@dataclass(frozen=True)
class Vote:
    """One person's judgement of a battle; one row of votes.csv.

    `judge` is a keyed hash, never a person's id. `time` is Unix seconds, UTC. `criteria` maps correct, complete and
    clear to `a`, `tie` or `b`; `any_right` says whether at least one answer is right (None if not asked). `dwell`
    is the seconds between the end of both answers and the vote.
    """

    id: str
    battle: Battle
    winner: Winner
    judge: str
    time: float
    language: str = ""
    criteria: Mapping[str, str] = field(default_factory=dict)
    any_right: bool | None = None
    comment: str = ""
    leaked: bool | None = None
    room: str = ""
    repeat_of: str = ""
    dwell: float | None = None


@dataclass(frozen=True)
class LoadState:
    """Where a backend stands: ready, failed (`error`), or loading since `seconds`."""

    ready: bool
    error: ErrorInfo | None = None
    seconds: float = 0.0


class Backend(Protocol):
    """A model on a runtime. Safe to call from several threads at once."""

    @property
    def spec(self) -> ModelSpec:
        """The model this backend runs."""
        ...

    @property
    def load_state(self) -> LoadState:
        """Whether the model is there yet."""
        ...

    def load(self) -> None:
        """Begin loading in the background; `stream` does it too, and shows it."""
        ...

    def stream(self, messages: Sequence[Message], config: GenerationConfig) -> Iterator[Chunk]:
        """Answer the conversation, chunk by chunk; the last chunk has a finish_reason.

        Yields at least every half second, an empty chunk if nothing is new, so that its caller can close it:
        closing the iterator stops generation within one token or one piece of the prompt. Raises BackendError when
        the model cannot go on and InputError when the conversation does not fit; `messages` is not changed.
        """
        ...

    def close(self) -> None:
        """Free the model. Streams that still run end with an error."""
        ...
