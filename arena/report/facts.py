"""The contents of a report as values: models, answers, checks and votes, and what its author states."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from arena.checks import Check
from arena.errors import InputError
from arena.model_card import ModelCard
from arena.prompts import Prompt
from arena.recorded import Recorded
from arena.report.blocks import Table
from arena.report.texts import text
from arena.results.figures import Figures, PairResult
from arena.statistics import PairCount
from arena.text import clean
from arena.types import ModelSpec, Usage

# The lines of the cover, in order.
COVER_FIELDS = ("university", "school", "major", "course", "author", "student_number", "teacher", "date")
LONGEST_FIELD = 300
MOST_LINKS = 50


@dataclass(frozen=True, kw_only=True)
class Details:
    """What the author of the report fills in. Empty fields are left out of the report.

    `machine` is what the author says imported answers were generated on; `links` go to the appendix. Raises InputError
    if a field is too long or there are too many links.
    """

    title: str = ""
    university: str = ""
    school: str = ""
    major: str = ""
    course: str = ""
    author: str = ""
    student_number: str = ""
    teacher: str = ""
    date: str = ""
    machine: str = ""
    links: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.links) > MOST_LINKS:
            raise InputError("report_links", f"A report may have {MOST_LINKS} links at most.", limit=MOST_LINKS)
        for name in ("title", *COVER_FIELDS, "machine"):
            object.__setattr__(self, name, _one_line(getattr(self, name)))
        object.__setattr__(self, "links", tuple(filter(None, map(_one_line, self.links))))


def _one_line(value: str) -> str:
    line = " ".join(clean(value).split())
    if len(line) > LONGEST_FIELD:
        message = f"A field may have {LONGEST_FIELD} characters at most."
        raise InputError("report_field", message, limit=LONGEST_FIELD)
    return line


@dataclass(frozen=True)
class KnownModel:
    """What the catalogue knows about a model; `published` names its repositories."""

    spec: ModelSpec
    published: str
    card: ModelCard


@dataclass(frozen=True)
class ModelFacts:
    """One of the models: `spec` as its answers record it, `known` from the catalogue, and its answers."""

    spec: ModelSpec
    known: KnownModel | None
    answers: tuple[Recorded, ...]

    @property
    def name(self) -> str:
        """The name shown in the report."""
        return self.spec.name

    @property
    def usages(self) -> list[Usage]:
        """What its answers took, without those that failed."""
        return [entry.side.answer.usage for entry in self.answers if not entry.failed]

    @property
    def seconds(self) -> list[float]:
        """The times of the answers that record one."""
        return [usage.seconds for usage in self.usages if usage.seconds is not None]

    @property
    def mean_seconds(self) -> float | None:
        """The mean time of the answers that record one."""
        return sum(self.seconds) / len(self.seconds) if self.seconds else None

    @property
    def machines(self) -> list[Mapping[str, object]]:
        """The different machines that the answers record."""
        machines = [entry.machine for entry in self.answers if entry.machine]
        return [machine for index, machine in enumerate(machines) if machine not in machines[:index]]


@dataclass(frozen=True)
class Run:
    """The answers of one model to one prompt in one repeat, one per turn, and the checks on them."""

    turns: tuple[Recorded, ...]
    checks: tuple[Check, ...] = ()


@dataclass(frozen=True)
class Comment:
    """A rater's comment. `left` names the model on the left; `winner` names the preferred model or the kind of tie."""

    text: str
    left: str
    winner: str


@dataclass(frozen=True)
class PromptVotes:
    """The votes on the answers to one prompt, from the side of the report's first model.

    `criteria` maps a criterion to (first model better, equal, second better). `any_right` votes said that at least one
    answer is right, `none_right` that none is.
    """

    count: PairCount
    criteria: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)
    any_right: int = 0
    none_right: int = 0
    comments: tuple[Comment, ...] = ()


@dataclass(frozen=True)
class PromptFacts:
    """One prompt as it was sent; `runs` by model in the order of `ReportFacts.answering`."""

    prompt: Prompt
    runs: tuple[tuple[Run, ...], ...]
    votes: PromptVotes


@dataclass(frozen=True)
class ReportFacts:
    """Everything a report says. `figures` cover all votes, as on the page.

    Two `models` are compared in full, for one of the reasons `chosen`, `votes` and `order`; `others` stand in tables.
    `pair` is the result of the two models in this order, None without votes on them. `elsewhere` counts votes on the
    pair whose answers are not in the report: they count in the verdict but under no prompt. `votes_by_rater` maps a
    number of votes to how many raters cast that many. `left_out` are the models that the report leaves out.
    `lang` is zh or en.
    """

    models: tuple[ModelFacts, ModelFacts]
    prompts: tuple[PromptFacts, ...]
    figures: Figures
    pair: PairResult | None = None
    votes_by_rater: Mapping[int, int] = field(default_factory=dict)
    elsewhere: int = 0
    others: tuple[ModelFacts, ...] = ()
    reason: str = ""
    left_out: tuple[str, ...] = ()
    lang: str = "en"

    def text(self, key: str, **fields: object) -> str:
        """The string `key` in the report's language; it may mention the `first` and the `second` model."""
        return text(self.lang, key, **{"first": self.models[0].name, "second": self.models[1].name, **fields})

    def table(self, headers: Iterable[str], rows: Iterable[tuple[str, ...]], caption: str) -> Table:
        """A table whose headers and caption are given by their keys."""
        return Table(tuple(map(self.text, headers)), tuple(rows), self.text(caption))

    @property
    def answering(self) -> tuple[ModelFacts, ...]:
        """The models with answers in the report: the two, and others."""
        return (*self.models, *(model for model in self.others if model.answers))

    @property
    def is_judged(self) -> bool:
        """Whether any prompt of the report has votes."""
        return any(prompt.votes.count.votes for prompt in self.prompts)

    @property
    def overall(self) -> PairCount:
        """All votes on the pair, from the side of the report's first model."""
        return self.pair.count if self.pair else PairCount(self.models[0].spec.id, self.models[1].spec.id)

    def name(self, model: str) -> str:
        """The name of a model, by id."""
        return next((facts.name for facts in (*self.models, *self.others) if facts.spec.id == model), model)

    def checks(self, index: int) -> list[Check]:
        """All checks on the answers of the first (0) or second (1) model."""
        return [check for prompt in self.prompts for run in prompt.runs[index] for check in run.checks]
