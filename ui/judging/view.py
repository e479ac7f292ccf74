"""What the blind vote shows: before the vote the texts alone, after it whose they are. Knows no component."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from arena.judging.review import Position
from arena.types import Answer, Battle, Side, SideName, Vote
from ui.display import display_copy, plain_copy
from ui.texts import text

Row = dict[str, Any]


def progress_line(lang: str, position: Position | None) -> str:
    """How far the rater is, as HTML; nothing before they have begun."""
    if position is None:
        return ""
    # Told before the vote on the battle shown, so that the first one is number 1.
    place = min(position.done + 1, position.total)
    words = text(lang, "judge_progress", place=place, total=position.total)
    return f'<label>{words} <progress max="{position.total}" value="{position.done}"></progress></label>'


def prompt_block(lang: str, battle: Battle) -> str:
    """The prompt as it was typed, as HTML."""
    return f'<p class="asked">{text(lang, "judge_prompt")}</p><div class="prompt">{html.escape(battle.prompt)}</div>'


def answer_rows(lang: str, answer: Answer) -> list[Row]:
    """One answer as gr.Chatbot takes it."""
    rows: list[Row] = []
    if answer.reasoning:
        title = {"title": text(lang, "thinking"), "status": "done"}
        rows.append({"role": "assistant", "content": display_copy(answer.reasoning), "metadata": title})
    return [*rows, {"role": "assistant", "content": display_copy(answer.text)}]


def heading(lang: str, side: SideName, battle: Battle | None) -> str:
    """Above a pane: the side alone, or the model as well once `battle` has been judged."""
    if battle is None:
        return text(lang, f"judge_{side}")
    shown = battle.side(side)
    return " · ".join([text(lang, f"judge_{side}"), f"**{plain_copy(shown.model.name)}**", *_figures(lang, shown)])


def _figures(lang: str, side: Side) -> list[str]:
    usage = side.answer.usage
    figures = []
    if usage.seconds is not None:
        figures.append(text(lang, "judge_seconds", seconds=f"{usage.seconds:.1f}"))
    if usage.new_tokens is not None:
        figures.append(text(lang, "length", tokens=usage.new_tokens))
    return figures


def note(lang: str, position: Position | None, vote: Vote | None, code_of: Callable[[str], str]) -> str:
    """The line at the end: the receipt of the last vote, or that all is done. `code_of` is of a judge."""
    if vote is not None:
        chosen, code = text(lang, f"vote_{vote.winner}"), code_of(vote.judge)
        return text(lang, "judge_receipt", choice=chosen, id=vote.id[:8], code=code)
    if position is not None and position.battle is None:
        return text(lang, "judge_done", total=position.done)
    return ""
