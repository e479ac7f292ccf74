"""What a report says, as values: answers, checks and votes of two models."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arena.answers import Recorded
from arena.checks import Check
from arena.model_card import ModelCard
from arena.prompts import Reference
from arena.results.figures import Figures, PairResult
from arena.statistics import PairCount
from arena.types import GenerationConfig, ModelSpec


@dataclass(frozen=True)
class KnownModel:
    """What the catalogue knows of a model: where it is published, how many parameters it has, what its makers tell.

    Unknown is None, or an empty text.
    """

    spec: ModelSpec
    published: str = ""
    parameters: float | None = None
    card: ModelCard | None = None


@dataclass(frozen=True)
class ModelFacts:
    """One of the two models; `spec` is as its answers tell it, `known` what the catalogue adds.

    `seconds`, `tokens` and `memory` (bytes, the most) are None where no answer tells; `timed` answers tell the seconds.
    `configs` are those that were used, apart from their seeds.
    """

    spec: ModelSpec
    known: KnownModel | None = None
    answers: int = 0
    failed: int = 0
    truncated: int = 0
    timed: int = 0
    seconds: float | None = None
    tokens: int | None = None
    tokens_per_second: float | None = None
    memory: int | None = None
    machines: tuple[Mapping[str, object], ...] = ()
    configs: tuple[GenerationConfig, ...] = ()

    @property
    def name(self) -> str:
        """As it is written in the report."""
        return self.spec.name


@dataclass(frozen=True)
class Asked:
    """One model's answers to one prompt in one repeat, a turn each, and how they stand to what is known."""

    turns: tuple[Recorded, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Comment:
    """What a rater wrote; `left` is the name of the model on the left, `winner` of the one preferred, or the tie."""

    text: str
    left: str
    winner: str


@dataclass(frozen=True)
class PromptVotes:
    """The votes on the answers to one prompt, from the side of the report's first model.

    `criteria` has for each how often the first model was ahead, neither, and the second; `any_right` votes said that at
    least one answer is right, `none_right` that none is.
    """

    count: PairCount
    criteria: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    any_right: int = 0
    none_right: int = 0
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True)
class PromptFacts:
    """One prompt; `title` is by language, `asked` by model in the report's order."""

    id: str
    title: Mapping[str, str]
    dimension: str
    turns: tuple[str, ...]
    asked: tuple[tuple[Asked, ...], tuple[Asked, ...]]
    votes: PromptVotes
    reference: Reference | None = None


@dataclass(frozen=True)
class ReportFacts:
    """All of it. `figures` are those of all votes, as page and command show them, `pair` those of the report's two
    models, None without a vote on them.

    `others` are models that the report leaves out. `elsewhere` votes on the pair were given on other answers than the
    report shows: they count in its verdict, and in no prompt. `votes_by_rater` has the number of raters by how many
    votes they gave.
    """

    models: tuple[ModelFacts, ModelFacts]
    prompts: tuple[PromptFacts, ...]
    figures: Figures
    pair: PairResult | None = None
    votes_by_rater: Mapping[int, int] = field(default_factory=dict)
    elsewhere: int = 0
    others: tuple[str, ...] = ()

    @property
    def is_judged(self) -> bool:
        """Whether there are votes on any of the prompts, and not on others alone."""
        return any(prompt.votes.count.votes for prompt in self.prompts)

    @property
    def overall(self) -> PairCount:
        """All votes on the pair, from the side of the report's first model."""
        first, second = (model.spec.id for model in self.models)
        return self.pair.count.seen_from(first) if self.pair else PairCount(first, second)

    @property
    def dimensions(self) -> Mapping[str, PairCount]:
        """The same by dimension, of those that were voted on, in the usual order."""
        ids = {model.spec.id for model in self.models}
        found = {
            name: next((count for count in counts if {count.first, count.second} == ids), None)
            for name, counts in self.figures.by["dimension"].items()
        }
        return {name: count.seen_from(self.models[0].spec.id) for name, count in found.items() if count}

    def name(self, model: str) -> str:
        """A model's name by its id."""
        return next((one.name for one in self.models if one.spec.id == model), model)
