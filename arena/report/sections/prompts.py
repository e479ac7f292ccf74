"""Each prompt with both answers side by side, their checks and their votes."""

from __future__ import annotations

from collections.abc import Iterator

from arena.answers import Recorded
from arena.checks.texts import describe
from arena.report.blocks import Block, Bullets, Column, Heading, Paragraph, Quote, SideBySide
from arena.report.facts import Comment, ModelFacts, PromptFacts, ReportFacts, Run
from arena.report.sections.opening import count_fields
from arena.report.texts import duration, text
from arena.results.texts import dimension_name

_GIGA = 1e9


def prompts(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """All prompts in order."""
    yield Heading(2, text(lang, "prompts"))
    for number, prompt in enumerate(facts.prompts, start=1):
        yield from _prompt(lang, number, prompt, facts)


def _prompt(lang: str, number: int, prompt: PromptFacts, facts: ReportFacts) -> Iterator[Block]:
    first, second = facts.models
    title = f"{number}. {prompt.title[lang]}"
    if prompt.dimension:
        title = f"{title} · {dimension_name(lang, prompt.dimension)}"
    yield Heading(3, title)
    for turn, question in enumerate(prompt.turns, start=1):
        yield Quote(question, text(lang, "prompt") if len(prompt.turns) == 1 else text(lang, "turn", turn=turn))
    yield SideBySide(_column(lang, first, prompt.runs[0]), _column(lang, second, prompt.runs[1]))
    if prompt.reference and prompt.reference.text:
        yield Quote(prompt.reference.text, text(lang, "known"))
    yield from _votes(lang, prompt, first, second)


def _column(lang: str, model: ModelFacts, runs: tuple[Run, ...]) -> Column:
    parts: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, run in enumerate(runs, start=1):
        run_label = text(lang, "repeat", number=number) if len(runs) > 1 else ""
        for entry in run.turns:
            turn_label = text(lang, "turn", turn=entry.turn) if len(run.turns) > 1 else ""
            labels = [label for label in (run_label, turn_label) if label]
            parts.append((" · ".join(labels), _answer(lang, entry)))
            notes.append(" · ".join([*labels, *_details(lang, entry)]))
        for check in run.checks:
            line = f"{'✓' if check.passed else '✗'} {describe(lang, check)}"
            notes.append(f"{run_label} · {line}" if run_label else line)
    if not runs:
        parts.append(("", text(lang, "no_answer")))
    return Column(model.name, tuple(parts), tuple(filter(None, notes)))


def _answer(lang: str, entry: Recorded) -> str:
    answer = entry.side.answer
    if answer.text.strip():
        return answer.text
    return "" if answer.error else text(lang, "answer_empty")


def _details(lang: str, entry: Recorded) -> Iterator[str]:
    """How one answer ended and what it cost, as far as known."""
    answer, usage = entry.side.answer, entry.side.answer.usage
    if answer.error:
        yield text(lang, "answer_failed", reason=answer.error.message)
    if answer.finish_reason == "length":
        yield text(lang, "answer_cut")
    if usage.seconds is not None:
        yield duration(lang, usage.seconds)
    if usage.new_tokens is not None:
        yield text(lang, "tokens", count=usage.new_tokens)
    if usage.tokens_per_second is not None:
        yield text(lang, "per_second", speed=f"{usage.tokens_per_second:.1f}")
    if entry.memory is not None:
        yield text(lang, "gigabytes", size=f"{entry.memory / _GIGA:.1f}")


def _votes(lang: str, prompt: PromptFacts, first: ModelFacts, second: ModelFacts) -> Iterator[Block]:
    names, votes = {"first": first.name, "second": second.name}, prompt.votes
    if not votes.count.votes:
        return
    lines = [text(lang, "count", **count_fields(votes.count), **names)]
    for name, (wins, ties, losses) in votes.criteria.items():
        numbers = {"wins": wins, "ties": ties, "losses": losses}
        lines.append(text(lang, "criterion", criterion=text(lang, name), **numbers, **names))
    if votes.any_right or votes.none_right:
        lines.append(text(lang, "rightness", any_right=votes.any_right, none_right=votes.none_right))
    yield Paragraph(text(lang, "votes"))
    yield Bullets(tuple(lines))
    if votes.comments:
        yield Paragraph(text(lang, "comments"))
    for comment in votes.comments:
        yield Quote(comment.text, text(lang, "comment_about", left=comment.left, choice=choice_of(lang, comment)))


def choice_of(lang: str, comment: Comment) -> str:
    """The choice of the rater who wrote the comment, as text."""
    return text(lang, comment.winner) if comment.winner in ("tie", "tie (bothbad)") else comment.winner
