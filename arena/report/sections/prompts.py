"""Each prompt with both answers side by side, what checks and raters say of them."""

from __future__ import annotations

from collections.abc import Iterator

from arena.answers import Recorded
from arena.checks.words import describe
from arena.report.blocks import Block, Bullets, Column, Heading, Paragraph, Quote, SideBySide
from arena.report.facts import Asked, Comment, ModelFacts, PromptFacts, ReportFacts
from arena.report.sections.opening import outcome
from arena.report.words import duration, say
from arena.results.words import dimension_name

_GIGA = 1e9


def prompts(lang: str, facts: ReportFacts) -> Iterator[Block]:
    """All prompts in their order."""
    yield Heading(2, say(lang, "prompts"))
    for number, prompt in enumerate(facts.prompts, start=1):
        yield from _prompt(lang, number, prompt, facts)


def _prompt(lang: str, number: int, prompt: PromptFacts, facts: ReportFacts) -> Iterator[Block]:
    first, second = facts.models
    title = f"{number}. {prompt.title[lang]}"
    if prompt.dimension:
        title = f"{title} · {dimension_name(lang, prompt.dimension)}"
    yield Heading(3, title)
    for turn, text in enumerate(prompt.turns, start=1):
        yield Quote(text, say(lang, "prompt") if len(prompt.turns) == 1 else say(lang, "turn", turn=turn))
    yield SideBySide(_column(lang, first, prompt.asked[0]), _column(lang, second, prompt.asked[1]))
    if prompt.reference and prompt.reference.text:
        yield Quote(prompt.reference.text, say(lang, "known"))
    yield from _judged(lang, prompt, first, second)


def _column(lang: str, model: ModelFacts, asked: tuple[Asked, ...]) -> Column:
    parts: list[tuple[str, str]] = []
    notes: list[str] = []
    for number, one in enumerate(asked, start=1):
        run = say(lang, "repeat", number=number) if len(asked) > 1 else ""
        for entry in one.turns:
            turn = say(lang, "turn", turn=entry.turn) if len(one.turns) > 1 else ""
            parts.append((" · ".join(filter(None, (run, turn))), _said(lang, entry)))
            notes.append(" · ".join(filter(None, (run, turn, *_figures(lang, entry)))))
        notes += [" · ".join(filter(None, (run, _mark(describe(lang, check), check.passed)))) for check in one.checks]
    if not asked:
        parts.append(("", say(lang, "no_answer")))
    return Column(model.name, tuple(parts), tuple(filter(None, notes)))


def _said(lang: str, entry: Recorded) -> str:
    answer = entry.side.answer
    if answer.text.strip():
        return answer.text
    return "" if answer.error else say(lang, "answer_empty")


def _figures(lang: str, entry: Recorded) -> Iterator[str]:
    """What one answer cost and how it ended, as far as known."""
    answer, usage = entry.side.answer, entry.side.answer.usage
    if answer.error:
        yield say(lang, "answer_failed", reason=answer.error.message)
    if answer.finish_reason == "length":
        yield say(lang, "answer_cut")
    if usage.seconds is not None:
        yield duration(lang, usage.seconds)
    if usage.new_tokens is not None:
        yield say(lang, "tokens", count=usage.new_tokens)
    if usage.tokens_per_second is not None:
        yield say(lang, "per_second", speed=f"{usage.tokens_per_second:.1f}")
    if entry.memory is not None:
        yield say(lang, "gigabytes", size=f"{entry.memory / _GIGA:.1f}")


def _mark(line: str, passed: bool) -> str:
    return f"{'✓' if passed else '✗'} {line}"


def _judged(lang: str, prompt: PromptFacts, first: ModelFacts, second: ModelFacts) -> Iterator[Block]:
    names, votes = {"first": first.name, "second": second.name}, prompt.votes
    if not votes.count.votes:
        return
    lines = [say(lang, "count", **outcome(votes.count), **names)]
    for name, (wins, ties, losses) in votes.criteria.items():
        numbers = {"wins": wins, "ties": ties, "losses": losses}
        lines.append(say(lang, "criterion", criterion=say(lang, name), **numbers, **names))
    if votes.any_right or votes.none_right:
        lines.append(say(lang, "rightness", any_right=votes.any_right, none_right=votes.none_right))
    yield Paragraph(say(lang, "votes"))
    yield Bullets(tuple(lines))
    if votes.comments:
        yield Paragraph(say(lang, "comments"))
    for comment in votes.comments:
        yield Quote(comment.text, say(lang, "comment_about", left=comment.left, choice=choice_of(lang, comment)))


def choice_of(lang: str, comment: Comment) -> str:
    """What the rater of a comment chose, as a person reads it."""
    return say(lang, comment.winner) if comment.winner in ("tie", "tie (bothbad)") else comment.winner
