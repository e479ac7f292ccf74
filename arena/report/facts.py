"""What a report tells, as values: answers, checks and votes of two models. Knows no words and no format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from arena.answers import Recorded
from arena.checks import Check
from arena.model_card import ModelCard
from arena.prompts import DIMENSIONS, Reference
from arena.statistics import PairCount
from arena.types import GenerationConfig, ModelSpec, Winner


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
    winner: str | Winner


@dataclass(frozen=True)
class PromptFacts:
    """One prompt; `title` is by language. `asked` and `criteria` are by model in the report's order.

    `criteria` has for each criterion how often the first model was ahead, neither, and the second.
    """

    id: str
    title: Mapping[str, str]
    dimension: str
    turns: tuple[str, ...]
    asked: tuple[tuple[Asked, ...], tuple[Asked, ...]]
    count: PairCount
    criteria: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    none_right: int = 0
    any_right: int = 0
    comments: tuple[Comment, ...] = ()
    reference: Reference | None = None


@dataclass(frozen=True)
class ReportFacts:
    """All of it. `overall` counts every vote of the pair, `clean` those on answers that did not tell who wrote them.

    `consistent` of `repeated` repeats were judged as the first time. `others` are models of the file that the report
    leaves out; `unreadable`, `duplicates` and `withdrawn` votes are not in any count, and neither are those of the pair
    that were given on other answers than the report shows (`elsewhere`).
    """

    models: tuple[ModelFacts, ModelFacts]
    prompts: tuple[PromptFacts, ...]
    by_dimension: Mapping[str, PairCount]
    overall: PairCount
    clean: PairCount
    leaked: int = 0
    raters: int = 0
    repeated: int = 0
    consistent: int = 0
    others: tuple[str, ...] = ()
    unreadable: int = 0
    duplicates: int = 0
    withdrawn: int = 0
    elsewhere: int = 0

    @property
    def is_judged(self) -> bool:
        """Whether there are votes on any of the prompts, and not on others alone."""
        return any(prompt.count.votes for prompt in self.prompts)

    @property
    def dimensions(self) -> Mapping[str, PairCount]:
        """Those that were voted on, in the usual order, and at the end what belongs to none."""
        order = dict.fromkeys([*DIMENSIONS, *self.by_dimension])
        return {name: self.by_dimension[name] for name in order if name in self.by_dimension}
