"""What a rater sees: before the vote the texts alone, after it the models' names and a reference."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape

from arena.checks import check_answer
from arena.checks.texts import describe
from arena.judging.assignments import Assignment
from arena.judging.rooms import Room
from arena.prompts import Prompt, Reference
from arena.results.figures import Figures
from arena.types import Answer, Battle, Side, SideName, Vote
from ui.chat.view import Row, reasoning_row
from ui.display import display_copy, plain_copy
from ui.markup import alert
from ui.results.view import room_results
from ui.texts import text


def progress_line(lang: str, position: Assignment | None) -> str:
    """How many pairs the rater has rated, as HTML; nothing before the first is shown."""
    if position is None:
        return ""
    # The battle on the page is not rated yet, and the first one is number 1.
    place = min(position.done + 1, position.total)
    words = text(lang, "judge_progress", place=place, total=position.total)
    return f'<label>{words} <progress max="{position.total}" value="{position.done}"></progress></label>'


def unknown_room(lang: str, code: str) -> str:
    """That no room has the code in the address, as HTML; nothing without a code."""
    return alert(text(lang, "error_room_unknown", room=code)) if code else ""


def room_block(lang: str, room: Room | None, figures: Figures | None) -> str:
    """Which room this is, as HTML, and its results once it is closed."""
    if room is None:
        return ""
    if figures is None:
        return "<p>" + escape(text(lang, "room_is", code=room.code)) + "</p>"
    return closed_block(lang, room, figures)


def closed_block(lang: str, room: Room, figures: Figures) -> str:
    """The results of a closed room, as HTML."""
    title = text(lang, "room_over", code=room.code)
    return f"<h3>{escape(title)}</h3>{room_results(lang, figures)}"


def prompt_block(lang: str, prompt: str) -> str:
    """The prompt as it was typed, as HTML; nothing if it is empty."""
    if not prompt:
        return ""
    return f'<p class="asked">{text(lang, "judge_prompt")}</p><div class="prompt">{escape(prompt)}</div>'


def text_rows(shown: str) -> list[Row]:
    """An answer before the vote, as gr.Chatbot takes it. Its reasoning is left out: not every model has any."""
    return [{"role": "assistant", "content": display_copy(shown)}] if shown else []


def history_rows(side: Side) -> list[Row]:
    """The messages between the first prompt and the answer judged."""
    first = next((place for place, message in enumerate(side.messages) if message.role == "user"), 0)
    return [
        {"role": message.role, "content": (plain_copy if message.role == "user" else display_copy)(message.content)}
        for message in side.messages[first + 1 :]
    ]


def first_prompt(battle: Battle) -> str:
    """The first prompt of the conversation; the battle's own if no message is known."""
    return next((message.content for message in battle.a.messages if message.role == "user"), battle.prompt)


def answer_rows(lang: str, answer: Answer) -> list[Row]:
    """A whole answer after the vote, with the reasoning before it."""
    reasoning = [reasoning_row(lang, answer)] if answer.reasoning else []
    return [*reasoning, *text_rows(answer.text)]


def heading(lang: str, side: SideName, battle: Battle | None) -> str:
    """The line above a pane: the side, and the model as well once `battle` has been judged."""
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
    """The receipt for a saved vote. `code_of` turns a judge into the code that withdraws their votes."""
    chosen, code = text(lang, f"vote_{vote.winner}"), code_of(vote.judge)
    return text(lang, "judge_receipt", choice=chosen, id=vote.id[:8], code=code)


def note(lang: str, position: Assignment | None, vote: Vote | None, code_of: Callable[[str], str]) -> str:
    """The last line: the receipt of the last vote, or that all pairs are rated."""
    if vote is not None:
        return receipt(lang, vote, code_of)
    if position is not None and position.battle is None:
        return text(lang, "judge_done", total=position.done)
    return ""


def reference_block(lang: str, prompts: Sequence[Prompt], vote: Vote | None) -> str:
    """What a good answer to the prompt should contain, and the checks of both answers, as HTML.

    Empty before the vote, and for a prompt that is not in the set or has no reference.
    """
    if vote is None:
        return ""
    battle = vote.battle
    reference = next((prompt.reference for prompt in prompts if prompt.id == battle.prompt_id), None)
    if reference is None:
        return ""
    parts = [f"<h4>{escape(text(lang, 'reference'))}</h4>"]
    if reference.text:
        parts.append(f'<p class="known">{escape(reference.text)}</p>')
    sides = [_side_checks(lang, reference, side, battle.side(side)) for side in SideName]
    if any(sides):
        note = escape(text(lang, "reference_note"))
        parts.append(f'<div class="checks">{"".join(sides)}</div><p class="note">{note}</p>')
    return "".join(parts)


def _side_checks(lang: str, reference: Reference, name: SideName, side: Side) -> str:
    written = [message.content for message in side.messages if message.role == "assistant"]
    checks = check_answer(reference, "\n\n".join([*written, side.answer.text]))
    if not checks:
        return ""
    lines = "".join(f"<li>{'✓' if check.passed else '✗'} {escape(describe(lang, check))}</li>" for check in checks)
    return f"<div><b>{escape(text(lang, f'judge_{name}'))}</b><ul>{lines}</ul></div>"
