"""What the blind vote shows: before the vote the texts alone, after it whose they are. Knows no component."""

from __future__ import annotations

import html
from collections.abc import Callable
from typing import Any

from arena.judging.assignments import Assignment
from arena.judging.rooms import Room
from arena.results.figures import Figures
from arena.types import Answer, Battle, Side, SideName, Vote
from ui.display import display_copy, plain_copy
from ui.results.view import room_results
from ui.texts import text

Row = dict[str, Any]


def progress_line(lang: str, position: Assignment | None) -> str:
    """How far the rater is, as HTML; nothing before they have begun."""
    if position is None:
        return ""
    # Told before the vote on the battle shown, so that the first one is number 1.
    place = min(position.done + 1, position.total)
    words = text(lang, "judge_progress", place=place, total=position.total)
    return f'<label>{words} <progress max="{position.total}" value="{position.done}"></progress></label>'


def unknown_room(lang: str, code: str) -> str:
    """That the address names a room that there is not, as HTML; nothing if it names none."""
    return f'<p role="alert">⚠️ {html.escape(text(lang, "error_room_unknown", room=code))}</p>' if code else ""


def room_block(lang: str, room: Room | None, figures: Figures | None) -> str:
    """Which room this is, as HTML, and what its votes come to once it is closed."""
    if room is None:
        return ""
    if figures is None:
        return "<p>" + html.escape(text(lang, "room_is", code=room.code)) + "</p>"
    return over_block(lang, room, figures)


def over_block(lang: str, room: Room, figures: Figures) -> str:
    """What the votes of a closed room come to, as HTML."""
    title = text(lang, "room_over", code=room.code)
    return f"<h3>{html.escape(title)}</h3>{room_results(lang, figures)}"


def prompt_block(lang: str, prompt: str) -> str:
    """The prompt as it was typed, as HTML; nothing if there is none."""
    if not prompt:
        return ""
    return f'<p class="asked">{text(lang, "judge_prompt")}</p><div class="prompt">{html.escape(prompt)}</div>'


def text_rows(shown: str) -> list[Row]:
    """What may be seen of an answer before the vote, as gr.Chatbot takes it. No reasoning: not every model has any."""
    return [{"role": "assistant", "content": display_copy(shown)}] if shown else []


def talk_rows(side: Side) -> list[Row]:
    """What was said before the answer judged, apart from the prompt that the conversation began with."""
    began = next((place for place, message in enumerate(side.messages) if message.role == "user"), 0)
    return [
        {"role": message.role, "content": (plain_copy if message.role == "user" else display_copy)(message.content)}
        for message in side.messages[began + 1 :]
    ]


def first_prompt(battle: Battle) -> str:
    """What the conversation began with; what it is about where no message is known."""
    return next((message.content for message in battle.a.messages if message.role == "user"), battle.prompt)


def answer_rows(lang: str, answer: Answer) -> list[Row]:
    """A whole answer after the vote, with the reasoning before it."""
    rows: list[Row] = []
    if answer.reasoning:
        title = {"title": text(lang, "thinking"), "status": "done"}
        rows.append({"role": "assistant", "content": display_copy(answer.reasoning), "metadata": title})
    return [*rows, *text_rows(answer.text)]


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


def receipt(lang: str, vote: Vote, code_of: Callable[[str], str]) -> str:
    """What a rater gets for a vote that is on disk. `code_of` is of a judge."""
    chosen, code = text(lang, f"vote_{vote.winner}"), code_of(vote.judge)
    return text(lang, "judge_receipt", choice=chosen, id=vote.id[:8], code=code)


def note(lang: str, position: Assignment | None, vote: Vote | None, code_of: Callable[[str], str]) -> str:
    """The line at the end: the receipt of the last vote, or that all is done."""
    if vote is not None:
        return receipt(lang, vote, code_of)
    if position is not None and position.battle is None:
        return text(lang, "judge_done", total=position.done)
    return ""
