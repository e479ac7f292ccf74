"""The values of the project, all frozen."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Any, Literal, Self

from arena.errors import ErrorInfo
from arena.generation_config import DEFAULT_THINKING, GenerationConfig, Thinking

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length", "cancelled", "error"]
# Other words of servers and of files for an answer that is complete, or cut at the token limit.
FINISH_WORDS: Mapping[str, FinishReason] = {
    **dict.fromkeys(("stop", "eos", "eos_token", "end_turn", "stop_sequence", "tool_calls", "function_call"), "stop"),
    **dict.fromkeys(("length", "max_tokens", "model_length", "max_output_tokens"), "length"),
}
Stage = Literal["loading", "queued", "reading", "busy"]
# What ends a context before the model's own length: a sliding window, positions that change with the length of the
# conversation, the machine's memory, or the user's `ctx`.
ContextLimit = Literal["", "window", "positions", "memory", "ctx"]


class SideName(StrEnum):
    """Side a is always the left pane. Which model is a is drawn for each blind battle."""

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
    """One message of a conversation, with its text exactly as typed or generated.

    `reasoning` is what an answer that is to be continued has thought; other messages have none.
    """

    role: Role
    content: str
    reasoning: str = ""

    def as_dict(self) -> dict[str, str]:
        """Role and content, as most programs represent a message."""
        return {"role": self.role, "content": self.content}


def plain_id(model_id: str) -> str:
    """The id of a model without the label and the settings of a variant, `LABEL=ID?setting=value`."""
    plain = model_id.partition("?")[0]
    return plain.partition("=")[2] or plain


@dataclass(frozen=True)
class ModelSpec:
    """What a model is, without the engine that runs it.

    `source` is what `runtime` reads: a file, folder, hub id or URL. `revision` is a commit or a sha256, empty if
    unknown. `context_length` is in tokens, prompt and answer together; 0 is unknown. `context_limit` is why it is less
    than the model's own context. `defaults` are the model's own settings; those named in `pinned` are part of what the
    id means and cannot be changed. `licence` is a name, `licence_url` the address of its text. `adapter` is a folder
    with a LoRA adapter for the weights in `source`, or "". `stand_in` marks a demo model in place of the real ones.
    `thinking` is whether it writes thoughts before its answer. `system` is its own system prompt, used if it is pinned.
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
    defaults: GenerationConfig = field(default_factory=GenerationConfig)
    pinned: frozenset[str] = frozenset()
    adapter: str = ""
    stand_in: bool = False
    context_limit: ContextLimit = ""
    thinking: Thinking = ""
    system: str = ""

    @property
    def plain_id(self) -> str:
        """The id without a label and settings; see `plain_id`."""
        return plain_id(self.id)

    def messages(self, system: str = "") -> tuple[Message, ...]:
        """The message that begins every conversation: the model's own system prompt if it is pinned, or this one."""
        text = self.system if "system" in self.pinned else system
        return (Message("system", text),) if text.strip() else ()

    def config(self, settings: Mapping[str, Any] = MappingProxyType({})) -> GenerationConfig:
        """The model's defaults with `settings` applied, except those that are None or pinned.

        Thinking is off unless a setting says otherwise, or the model always thinks.
        """
        wanted = {name: value for name, value in settings.items() if value is not None and name not in self.pinned}
        config = self.defaults.with_settings(wanted)
        if not self.thinking:
            return replace(config, thinking=None)
        return replace(config, thinking=config.thinking or (DEFAULT_THINKING if self.thinking == "always" else 0))


@dataclass(frozen=True)
class Usage:
    """What an answer cost: tokens as the engine counts them, seconds of wall clock, energy; unknown is None.

    `cached_tokens` of the prompt were still in the cache; `thinking_tokens` of the new ones came before the answer.
    """

    prompt_tokens: int | None = None
    new_tokens: int | None = None
    first_token_seconds: float | None = None
    seconds: float | None = None
    cached_tokens: int | None = None
    thinking_tokens: int | None = None
    joules: float | None = None

    @property
    def tokens_per_second(self) -> float | None:
        """The decode rate: tokens after the first, over the seconds since the first."""
        if not self.new_tokens or self.new_tokens < 2 or self.seconds is None or self.first_token_seconds is None:
            return None
        span = self.seconds - self.first_token_seconds
        return (self.new_tokens - 1) / span if span > 0 else None


@dataclass(frozen=True)
class Chunk:
    """One step of a stream. A chunk without any field set is a keep-alive.

    `text` and `reasoning` are new text. `stage` says what the side does before it writes. For `queued`, `done` is the
    place in the queue (1 is next) and `total` the expected seconds (0: unknown); for `reading`, they are prompt tokens
    (both 0: unknown); for `loading`, `done` is seconds; for `busy`, `total` is the seconds that a server asked to wait.
    `dropped_turns` counts the oldest user turns left out because the context is full. `retract` says that all text so
    far was reasoning. `refused` are the settings that the server refused, so that its own applied. `usage` is the usage
    so far. The last chunk has a `finish_reason`, the whole usage and, for `error`, the error.
    """

    text: str = ""
    reasoning: str = ""
    stage: Stage | None = None
    done: int = 0
    total: int = 0
    dropped_turns: int = 0
    retract: bool = False
    refused: tuple[str, ...] = ()
    finish_reason: FinishReason | None = None
    error: ErrorInfo | None = None
    usage: Usage | None = None


@dataclass(frozen=True)
class Answer:
    """One side's answer, complete once `finish_reason` is set. `refused` are settings that the server refused."""

    text: str = ""
    reasoning: str = ""
    dropped_turns: int = 0
    refused: tuple[str, ...] = ()
    finish_reason: FinishReason | None = None
    error: ErrorInfo | None = None
    usage: Usage = Usage()


@dataclass(frozen=True)
class Side:
    """One side of a battle: the model, what it was asked, and its answer. `config` is None if it was not recorded."""

    model: ModelSpec
    messages: tuple[Message, ...]
    config: GenerationConfig | None
    answer: Answer = Answer()

    @property
    def exchange(self) -> tuple[Message, ...]:
        """The messages with the answer."""
        return (*self.messages, Message("assistant", self.answer.text))

    @property
    def history(self) -> tuple[Message, ...]:
        """The messages for the next turn: with the answer, or without this turn if it has failed or has no text."""
        if self.answer.finish_reason in (None, "error") or not self.answer.text.strip():
            return self.messages[:-1]
        return self.exchange


@dataclass(frozen=True)
class Battle:
    """Two answers to one prompt, which a vote compares.

    The sides share the prompt; each has its own history. `prompt_id` is empty for a prompt that is not in the set;
    `turn` counts from 1. `pair_probability` is that with which these models were drawn for a live blind battle.
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
    pair_probability: float | None = None

    def side(self, name: SideName) -> Side:
        """Side a or b."""
        return self.a if name is SideName.A else self.b

    def with_side(self, name: SideName, side: Side) -> Self:
        """A copy with one side replaced."""
        return replace(self, a=side) if name is SideName.A else replace(self, b=side)

    def with_answer(self, name: SideName, answer: Answer) -> Self:
        """A copy with the answer of one side replaced."""
        return self.with_side(name, replace(self.side(name), answer=answer))

    def seen_thinking(self, name: SideName) -> str:
        """What a rater could read of a side's thinking before the vote; a blind battle shows none."""
        return "" if self.blind else self.side(name).answer.reasoning

    @property
    def votable(self) -> bool:
        """Whether both answers have text and ended by themselves or at the token limit."""
        answers = (self.a.answer, self.b.answer)
        return all(answer.finish_reason in ("stop", "length") and answer.text.strip() for answer in answers)


@dataclass(frozen=True)
class Vote:
    """One person's judgement of a battle; one row of votes.csv.

    `judge` is a keyed hash, never a person's id. `time` is Unix seconds, UTC. `criteria` maps CRITERIA to VERDICTS.
    `any_right` says whether at least one answer is right (None if not asked). `dwell` is the seconds from the end of
    both answers to the vote. `may_publish` says whether the rater agreed to publish the vote (None if not asked).
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
    may_publish: bool | None = None
